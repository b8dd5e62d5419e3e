// Package ini reads configuration files of the INI kind.
package ini

import (
	"fmt"
	"strings"
)

const blanks = " \t"

// Error is a line that cannot be understood.
type Error struct {
	Line   int // counted from 1
	Reason string
}

func (err *Error) Error() string { return fmt.Sprintf("ini: line %d: %s", err.Line, err.Reason) }

// logical is a line after continuation lines were joined.
type logical struct {
	number int
	text   string
}

// Parse reads a document; the error is of type *Error.
func Parse(text string) (*Document, error) {
	document := newDocument()
	current := document.open("")
	for _, line := range joinLines(text) {
		content := strings.Trim(line.text, blanks)
		if content == "" || isComment(content[0]) {
			continue
		}
		var reason string
		if content[0] == '[' {
			var name string
			if name, reason = parseHeader(content); reason == "" {
				current = document.open(name)
			}
		} else {
			var key, value string
			if key, value, reason = parsePair(content); reason == "" {
				current.set(key, value)
			}
		}
		if reason != "" {
			return nil, &Error{line.number, reason}
		}
	}
	return document, nil
}

// joinLines splits a text into lines and joins those that end with a backslash with the next one.
func joinLines(text string) []logical {
	var lines []logical
	open := false
	for _, line := range strings.Split(strings.TrimPrefix(text, "\uFEFF"), "\n") {
		line = strings.TrimSuffix(line, "\r")
		continues := strings.HasSuffix(line, `\`)
		if continues {
			line = strings.TrimSuffix(line, `\`)
		}
		if open {
			lines[len(lines)-1].text += strings.TrimLeft(line, blanks)
		} else {
			lines = append(lines, logical{len(lines) + 1, line})
		}
		open = continues
	}
	return lines
}

func isComment(character byte) bool { return character == ';' || character == '#' }

// onlyComment says whether nothing but blanks and a comment is left.
func onlyComment(rest string) bool {
	rest = strings.Trim(rest, blanks)
	return rest == "" || isComment(rest[0])
}

func parseHeader(content string) (name, reason string) {
	end := strings.IndexByte(content, ']')
	if end < 0 {
		return "", "header without ]"
	}
	if !onlyComment(content[end+1:]) {
		return "", "text after the header"
	}
	name = strings.Trim(content[1:end], blanks)
	if name == "" {
		return "", "header without a name"
	}
	return name, ""
}

func parsePair(content string) (key, value, reason string) {
	separator := strings.IndexByte(content, '=')
	if separator < 0 {
		separator = strings.IndexByte(content, ':')
	}
	if separator < 0 {
		return "", "", "no = or :"
	}
	key = strings.Trim(content[:separator], blanks)
	if key == "" {
		return "", "", "value without a key"
	}
	value = strings.Trim(content[separator+1:], blanks)
	if strings.HasPrefix(value, `"`) {
		value, reason = unquote(value)
		return key, value, reason
	}
	return key, stripComment(value), ""
}

// stripComment cuts a comment off the end of an unquoted value.
func stripComment(value string) string {
	if index := strings.IndexAny(value, ";#"); index >= 0 {
		value = value[:index]
	}
	return strings.TrimRight(value, blanks)
}

// unquote reads a value in double quotes, which may be followed by a comment.
func unquote(text string) (value, reason string) {
	var result strings.Builder
	for index := 1; index < len(text); index++ {
		switch character := text[index]; character {
		case '"':
			if text[index-1] == '\\' {
				result.WriteByte('"')
				continue
			}
			if !onlyComment(text[index+1:]) {
				return "", "text after the closing quote"
			}
			return result.String(), ""
		case '\\':
			if index+1 < len(text) && text[index+1] == '"' {
				continue
			}
			index++
			if index == len(text) {
				return "", "no closing quote"
			}
			switch text[index] {
			case '\\':
				result.WriteByte('\\')
			case 'n':
				result.WriteByte('\n')
			case 't':
				result.WriteByte('\t')
			default:
				return "", "unknown escape"
			}
		default:
			result.WriteByte(character)
		}
	}
	return "", "no closing quote"
}
