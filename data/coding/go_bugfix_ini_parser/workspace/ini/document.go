package ini

import (
	"fmt"
	"strings"
)

// Document is a parsed file: sections with keys and values, in the order of the file.
type Document struct {
	names    []string
	sections map[string]*section
}

type section struct {
	keys   []string
	values map[string]string
}

func newDocument() *Document {
	return &Document{sections: map[string]*section{}}
}

// open gives the section of a name and makes it if it is new.
func (document *Document) open(name string) *section {
	document.names = append(document.names, name)
	document.sections[name] = &section{values: map[string]string{}}
	return document.sections[name]
}

func (section *section) set(key, value string) {
	key = strings.ToLower(key)
	section.keys = append(section.keys, key)
	section.values[key] = value
}

// Sections gives the names of the sections; "" stands for keys before the first header.
func (document *Document) Sections() []string {
	names := make([]string, 0, len(document.names))
	for _, name := range document.names {
		if name != "" || len(document.sections[name].keys) > 0 {
			names = append(names, name)
		}
	}
	return names
}

// Keys gives the keys of a section.
func (document *Document) Keys(name string) []string {
	section, found := document.sections[name]
	if !found {
		return nil
	}
	return append([]string{}, section.keys...)
}

// Get gives the value of a key.
func (document *Document) Get(name, key string) (string, bool) {
	section, found := document.sections[name]
	if !found {
		return "", false
	}
	value, found := section.values[key]
	return value, found
}

// Bool reads a value as yes or no.
func (document *Document) Bool(name, key string) (bool, error) {
	value, found := document.Get(name, key)
	if !found {
		return false, fmt.Errorf("ini: no key %q in section %q", key, name)
	}
	switch strings.ToLower(value) {
	case "1", "yes", "true", "on":
		return true, nil
	case "0", "no", "false", "off":
		return false, nil
	}
	return false, fmt.Errorf("ini: %q is neither yes nor no", value)
}
