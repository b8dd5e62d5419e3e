package main

import (
	"errors"
	"task/logstats"
	"time"
)

// call: parse(line) -> [time, method, path, status, duration_ns]; aggregate(lines, length_ns) ->
// {skipped, windows: [[start, requests, errors, [[path, requests, errors, median_ns, p95_ns, slowest_ns], ...]], ...]}.
func call(name string, args []any) (any, error) {
	switch name {
	case "parse":
		record, err := logstats.Parse(asString(args[0]))
		if errors.Is(err, logstats.ErrFormat) {
			return nil, Failure{"ErrFormat", err.Error()}
		}
		if err != nil {
			return nil, Failure{"another error", err.Error()}
		}
		return []any{textOfTime(record.Time), record.Method, record.Path, record.Status, int64(record.Duration)}, nil
	case "aggregate":
		report := logstats.Aggregate(asStrings(args[0]), time.Duration(args[1].(int64)))
		windows := []any{}
		for _, window := range report.Windows {
			paths := []any{}
			for _, stats := range window.Paths {
				paths = append(paths, []any{
					stats.Path, stats.Requests, stats.Errors, int64(stats.Median), int64(stats.P95), int64(stats.Slowest),
				})
			}
			windows = append(windows, []any{textOfTime(window.Start), window.Requests, window.Errors, paths})
		}
		return map[string]any{"skipped": report.Skipped, "windows": windows}, nil
	}
	return nil, Failure{"unknown", name}
}

// textOfTime writes a time in its own zone, so that one that is not in UTC is seen.
func textOfTime(moment time.Time) string { return moment.Format(time.RFC3339Nano) }
