package main

import (
	"errors"
	"task/ini"
)

// call: parse(text) -> [[section, [[key, value], ...]], ...] or {"line": n}; get(text, section, key) -> [value, found];
// bool(text, section, key) -> true, false or "error"; keys(text, section) -> [key, ...].
func call(name string, args []any) (any, error) {
	document, err := ini.Parse(asString(args[0]))
	if err != nil {
		var problem *ini.Error
		if !errors.As(err, &problem) {
			return nil, Failure{"another error", err.Error()}
		}
		return map[string]any{"line": problem.Line}, nil
	}
	switch name {
	case "parse":
		sections := []any{}
		for _, section := range document.Sections() {
			pairs := []any{}
			for _, key := range document.Keys(section) {
				value, found := document.Get(section, key)
				if !found {
					return nil, Failure{"lost", "a key that Keys names is not found by Get"}
				}
				pairs = append(pairs, []string{key, value})
			}
			sections = append(sections, []any{section, pairs})
		}
		return sections, nil
	case "get":
		value, found := document.Get(asString(args[1]), asString(args[2]))
		return []any{value, found}, nil
	case "keys":
		return document.Keys(asString(args[1])), nil
	case "bool":
		answer, err := document.Bool(asString(args[1]), asString(args[2]))
		if err != nil {
			return "error", nil
		}
		return answer, nil
	}
	return nil, Failure{"unknown", name}
}
