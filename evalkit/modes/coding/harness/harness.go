// Command evalkit_box answers the calls of one Go task over two inherited pipes.
//
// evalkit adds this file and the task's driver.go as the package task/evalkit_box. One request line
// ({"fn": NAME, "args": [...]}) is answered by one line ({"ok": VALUE} or {"error": KIND, "message": TEXT})
// before the next one is read; the end of the requests ends the program.
//
// Go runs the init functions of the candidate's packages before main, in this process, so nothing in here
// can keep the pipes from a candidate that looks for them. It needs no secret: no expected value is ever in
// the box, and whoever answers a call rightly has solved it. What this file does guarantee is that honest
// code is answered for exactly: its panics, runtime.Goexit and own types become answers that match no value,
// and neither os.Stdout, nor a variable of a standard package, nor a MarshalJSON method has a part in an answer.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"runtime/debug"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"
)

const (
	pipesVariable  = "EVALKIT_PIPES" // "R,W": numbers of the inherited descriptors
	maxMessage     = 200             // characters of an error's message
	maxDepth       = 100             // levels of lists and objects in an answer
	maxStack       = 64 << 20        // bytes of a goroutine's stack: endless recursion ends soon, with Go's own message
	readSize       = 64 << 10        // bytes asked for at once
	brokenPipes    = 3               // exit code: the pipes are missing or broken
	unknownRequest = 4               // exit code: a line that is no request
)

// Failure is an error whose kind the driver names; any other error has the kind "error".
type Failure struct {
	Kind    string
	Message string
}

func (failure Failure) Error() string { return failure.Kind + ": " + failure.Message }

func main() {
	requests, answers := takePipes()
	debug.SetMaxStack(maxStack)
	reader := lineReader{descriptor: requests}
	for {
		line, found := reader.next()
		if !found {
			syscall.Exit(0)
		}
		name, args := parseRequest(line)
		writeAll(answers, append(answerOf(name, args), '\n'))
	}
}

// takePipes reads the numbers of the two descriptors and hides them: from the environment, and from children.
func takePipes() (requests, answers int) {
	text, _ := syscall.Getenv(pipesVariable)
	_ = syscall.Unsetenv(pipesVariable)
	numbers := strings.Split(text, ",")
	if len(numbers) != 2 {
		syscall.Exit(brokenPipes)
	}
	requests, readError := strconv.Atoi(numbers[0])
	answers, writeError := strconv.Atoi(numbers[1])
	if readError != nil || writeError != nil {
		syscall.Exit(brokenPipes)
	}
	for _, descriptor := range []int{requests, answers} {
		syscall.CloseOnExec(descriptor)
		_ = syscall.SetNonblock(descriptor, false)
	}
	return requests, answers
}

// lineReader cuts what comes from a descriptor into lines.
type lineReader struct {
	descriptor int
	pending    []byte
}

// next gives the next line without its end; false at the end of the requests.
func (reader *lineReader) next() ([]byte, bool) {
	searched := 0
	for {
		if end := bytes.IndexByte(reader.pending[searched:], '\n'); end >= 0 {
			line := reader.pending[:searched+end]
			reader.pending = reader.pending[searched+end+1:]
			return line, true
		}
		searched = len(reader.pending)
		chunk := make([]byte, readSize)
		count, err := syscall.Read(reader.descriptor, chunk)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			syscall.Exit(brokenPipes)
		}
		if count == 0 {
			return nil, false
		}
		reader.pending = append(reader.pending, chunk[:count]...)
	}
}

func writeAll(descriptor int, data []byte) {
	for len(data) > 0 {
		count, err := syscall.Write(descriptor, data)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			syscall.Exit(brokenPipes)
		}
		data = data[count:]
	}
}

// parseRequest reads one request; whole numbers become int64, all others float64.
func parseRequest(line []byte) (name string, args []any) {
	var request struct {
		Fn   string `json:"fn"`
		Args []any  `json:"args"`
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	if err := decoder.Decode(&request); err != nil {
		syscall.Exit(unknownRequest)
	}
	for index, value := range request.Args {
		request.Args[index] = plain(value)
	}
	return request.Fn, request.Args
}

// plain replaces the numbers of a decoded value by int64 and float64, and {"$float": ...} by what JSON cannot write.
func plain(value any) any {
	switch typed := value.(type) {
	case json.Number:
		if number, err := strconv.ParseInt(string(typed), 10, 64); err == nil {
			return number
		}
		number, _ := strconv.ParseFloat(string(typed), 64)
		return number
	case []any:
		for index, item := range typed {
			typed[index] = plain(item)
		}
	case map[string]any:
		if name, found := typed["$float"].(string); found && len(typed) == 1 {
			number, _ := strconv.ParseFloat(name, 64)
			return number
		}
		for key, item := range typed {
			typed[key] = plain(item)
		}
	}
	return value
}

// answerOf calls the driver in a goroutine of its own, so that a panic or runtime.Goexit ends the call and not the program.
func answerOf(name string, args []any) []byte {
	done := make(chan []byte, 1)
	go func() {
		answer := errorLine("panic", "the call ended without returning")
		defer func() { done <- answer }()
		defer func() {
			if reason := recover(); reason != nil {
				answer = errorLine("panic", textOf(reason))
			}
		}()
		answer = resultLine(call(name, args))
	}()
	return <-done
}

func resultLine(value any, err error) []byte {
	if err == nil {
		return append(appendValue([]byte(`{"ok":`), value, 0), '}')
	}
	if failure, named := err.(Failure); named {
		return errorLine(failure.Kind, failure.Message)
	}
	return errorLine("error", err.Error())
}

func errorLine(kind, message string) []byte {
	characters := []rune(strings.ToValidUTF8(message, "\uFFFD"))
	if len(characters) > maxMessage {
		characters = characters[:maxMessage]
	}
	line := appendString([]byte(`{"error":`), strings.ToValidUTF8(kind, "\uFFFD"))
	line = appendString(append(line, `,"message":`...), string(characters))
	return append(line, '}')
}

// textOf describes a panic's value; a value that panics while it is described is named by its type.
func textOf(reason any) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("%T", reason)
		}
	}()
	if err, isError := reason.(error); isError {
		return err.Error()
	}
	return fmt.Sprint(reason)
}

// appendValue writes predeclared types, and lists and objects of them, exactly; any other type only by its name.
func appendValue(line []byte, value any, depth int) []byte {
	if depth > maxDepth {
		return appendType(line, "too deep")
	}
	switch typed := value.(type) {
	case nil:
		return append(line, "null"...)
	case bool:
		return strconv.AppendBool(line, typed)
	case int:
		return strconv.AppendInt(line, int64(typed), 10)
	case int32:
		return strconv.AppendInt(line, int64(typed), 10)
	case int64:
		return strconv.AppendInt(line, typed, 10)
	case uint8:
		return strconv.AppendUint(line, uint64(typed), 10)
	case uint32:
		return strconv.AppendUint(line, uint64(typed), 10)
	case uint64:
		return strconv.AppendUint(line, typed, 10)
	case float64:
		return appendFloat(line, typed)
	case string:
		if !utf8.ValidString(typed) {
			return appendType(line, "string that is not UTF-8")
		}
		return appendString(line, typed)
	case []any:
		return appendList(line, typed, depth)
	case []string:
		return appendList(line, typed, depth)
	case []int:
		return appendList(line, typed, depth)
	case []int64:
		return appendList(line, typed, depth)
	case []float64:
		return appendList(line, typed, depth)
	case []bool:
		return appendList(line, typed, depth)
	case [][]int:
		return appendList(line, typed, depth)
	case [][]string:
		return appendList(line, typed, depth)
	case map[string]any:
		return appendObject(line, typed, depth)
	case map[string]int:
		return appendObject(line, typed, depth)
	case map[string]string:
		return appendObject(line, typed, depth)
	}
	return appendType(line, fmt.Sprintf("%T", value))
}

func appendList[T any](line []byte, values []T, depth int) []byte {
	line = append(line, '[')
	for index, value := range values {
		if index > 0 {
			line = append(line, ',')
		}
		line = appendValue(line, value, depth+1)
	}
	return append(line, ']')
}

func appendObject[T any](line []byte, values map[string]T, depth int) []byte {
	keys := make([]string, 0, len(values))
	for key := range values {
		if !utf8.ValidString(key) {
			return appendType(line, "object with a key that is not UTF-8")
		}
		keys = append(keys, key)
	}
	sort.Strings(keys)
	line = append(line, '{')
	for index, key := range keys {
		if index > 0 {
			line = append(line, ',')
		}
		line = append(appendString(line, key), ':')
		line = appendValue(line, values[key], depth+1)
	}
	return append(line, '}')
}

// appendFloat keeps a float a float: 2 is written 2.0.
func appendFloat(line []byte, value float64) []byte {
	switch {
	case math.IsNaN(value):
		return append(line, `{"$float":"nan"}`...)
	case math.IsInf(value, 1):
		return append(line, `{"$float":"inf"}`...)
	case math.IsInf(value, -1):
		return append(line, `{"$float":"-inf"}`...)
	}
	text := strconv.FormatFloat(value, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return append(line, text...)
}

func appendType(line []byte, name string) []byte {
	line = append(line, `{"$type":`...)
	return append(appendString(line, strings.ToValidUTF8(name, "\uFFFD")), '}')
}

// appendString writes valid UTF-8 as a JSON string on one line.
func appendString(line []byte, text string) []byte {
	const digits = "0123456789abcdef"
	line = append(line, '"')
	for index := 0; index < len(text); index++ {
		switch character := text[index]; {
		case character == '"' || character == '\\':
			line = append(line, '\\', character)
		case character < 0x20 || character == 0x7f:
			line = append(line, '\\', 'u', '0', '0', digits[character>>4], digits[character&15])
		default:
			line = append(line, character)
		}
	}
	return append(line, '"')
}

// The functions below are for drivers: they turn decoded arguments into Go types and panic when a case is written wrongly.

func asInt(value any) int { return int(value.(int64)) }

func asString(value any) string { return value.(string) }

func asBool(value any) bool { return value.(bool) }

func asList(value any) []any { return value.([]any) }

// asFloat takes a whole number too.
func asFloat(value any) float64 {
	if number, whole := value.(int64); whole {
		return float64(number)
	}
	return value.(float64)
}

func asStrings(value any) []string {
	texts := make([]string, 0, len(asList(value)))
	for _, item := range asList(value) {
		texts = append(texts, asString(item))
	}
	return texts
}

func asInts(value any) []int {
	numbers := make([]int, 0, len(asList(value)))
	for _, item := range asList(value) {
		numbers = append(numbers, asInt(item))
	}
	return numbers
}
