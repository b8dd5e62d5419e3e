package main

import "task/wordcount"

// call: count(text, {min_length, top, stop_words, case_sensitive}) -> [[word, count], ...];
// summarize(text) -> {lines, words, characters, longest}.
func call(name string, args []any) (any, error) {
	switch name {
	case "count":
		entries := []any{}
		for _, entry := range wordcount.Count(asString(args[0]), options(args[1].(map[string]any))) {
			entries = append(entries, []any{entry.Word, entry.Count})
		}
		return entries, nil
	case "summarize":
		summary := wordcount.Summarize(asString(args[0]))
		return map[string]any{
			"lines": summary.Lines, "words": summary.Words, "characters": summary.Characters, "longest": summary.Longest,
		}, nil
	}
	return nil, Failure{"unknown", name}
}

func options(given map[string]any) wordcount.Options {
	var options wordcount.Options
	if value, found := given["min_length"]; found {
		options.MinLength = asInt(value)
	}
	if value, found := given["top"]; found {
		options.Top = asInt(value)
	}
	if value, found := given["stop_words"]; found {
		options.StopWords = asStrings(value)
	}
	if value, found := given["case_sensitive"]; found {
		options.CaseSensitive = asBool(value)
	}
	return options
}
