package logstats

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// ErrFormat says that a line is no record.
var ErrFormat = errors.New("logstats: not a record")

// Record is one request.
type Record struct {
	Time     time.Time
	Method   string
	Path     string
	Status   int
	Duration time.Duration
}

// Parse reads a line such as "2024-02-28T12:00:05Z GET /users?id=3 200 12.5ms".
func Parse(line string) (Record, error) {
	fields := strings.Split(line, " ")
	if len(fields) != 5 {
		return Record{}, ErrFormat
	}
	moment, err := time.Parse(time.RFC3339, fields[0])
	if err != nil {
		return Record{}, ErrFormat
	}
	status, err := strconv.Atoi(fields[3])
	if err != nil || status < 100 || status > 599 {
		return Record{}, ErrFormat
	}
	duration, err := time.ParseDuration(fields[4])
	if err != nil {
		return Record{}, ErrFormat
	}
	return Record{moment, fields[1], cleanPath(fields[2]), status, duration}, nil
}

// cleanPath drops the query and a slash at the end.
func cleanPath(path string) string {
	path = strings.TrimSuffix(path, "/")
	if query := strings.IndexByte(path, '?'); query >= 0 {
		path = path[:query]
	}
	return path
}
