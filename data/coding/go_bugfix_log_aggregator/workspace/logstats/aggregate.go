// Package logstats sums up access logs by window of time and path.
package logstats

import (
	"sort"
	"time"
)

// Report is what the lines of a log say.
type Report struct {
	Windows []Window
	Skipped int // lines that could not be read
}

// Window sums up the requests of a span of time.
type Window struct {
	Start    time.Time
	Requests int
	Errors   int
	Paths    []PathStats
}

// PathStats sums up the requests of a path in a window.
type PathStats struct {
	Path     string
	Requests int
	Errors   int
	Median   time.Duration
	P95      time.Duration
	Slowest  time.Duration
}

// Aggregate reads lines and sums them up by windows of the given length.
func Aggregate(lines []string, length time.Duration) Report {
	report := Report{}
	windows := map[time.Time]map[string][]Record{}
	for _, line := range lines {
		record, err := Parse(line)
		if err != nil {
			report.Skipped++
			continue
		}
		start := record.Time.Truncate(length)
		if windows[start] == nil {
			windows[start] = map[string][]Record{}
		}
		windows[start][record.Path] = append(windows[start][record.Path], record)
	}
	for start, paths := range windows {
		report.Windows = append(report.Windows, summarize(start, paths))
	}
	sort.Slice(report.Windows, func(i, j int) bool {
		return report.Windows[i].Start.Before(report.Windows[j].Start)
	})
	return report
}

func summarize(start time.Time, paths map[string][]Record) Window {
	window := Window{Start: start}
	for path, records := range paths {
		stats := statsOf(path, records)
		window.Requests += stats.Requests
		window.Errors += stats.Errors
		window.Paths = append(window.Paths, stats)
	}
	sort.Slice(window.Paths, func(i, j int) bool {
		if window.Paths[i].Requests == window.Paths[j].Requests {
			return window.Paths[i].Path > window.Paths[j].Path
		}
		return window.Paths[i].Requests > window.Paths[j].Requests
	})
	return window
}

func statsOf(path string, records []Record) PathStats {
	stats := PathStats{Path: path, Requests: len(records)}
	durations := make([]time.Duration, 0, len(records))
	for _, record := range records {
		if record.Status > 500 {
			stats.Errors++
		}
		durations = append(durations, record.Duration)
	}
	sort.Slice(durations, func(i, j int) bool { return durations[i] < durations[j] })
	stats.Median = percentile(durations, 50)
	stats.P95 = percentile(durations, 95)
	stats.Slowest = durations[len(durations)-1]
	return stats
}

// percentile gives a percentile of sorted durations by nearest rank.
func percentile(sorted []time.Duration, percent int) time.Duration {
	return sorted[len(sorted)*percent/100]
}
