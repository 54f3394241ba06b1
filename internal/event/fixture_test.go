package event_test

import (
	"iter"

)

// seqOf makes the headers of a request from names and values in turn.
func seqOf(pairs ...string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := 0; i+1 < len(pairs); i += 2 {
			if !yield(pairs[i], pairs[i+1]) {
				return
			}
		}
	}
}
