// Package wordcount counts the words of a text and sums up its size.
package wordcount

// Options say which words Count reports.
type Options struct {
	MinLength     int      // shortest word reported, in characters (runes); 0 or less: no limit
	Top           int      // at most so many entries; 0 or less: all
	StopWords     []string // words that are never reported
	CaseSensitive bool     // false: words are compared and reported in lower case
}

// Entry is a word and how often it occurs.
type Entry struct {
	Word  string
	Count int
}

// Summary is the size of a text.
type Summary struct {
	Lines      int
	Words      int
	Characters int
	Longest    string
}

// Count gives the words of text, the most frequent first.
func Count(text string, options Options) []Entry {
	panic("not implemented")
}

// Summarize gives the size of text.
func Summarize(text string) Summary {
	panic("not implemented")
}
