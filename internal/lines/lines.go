// Package lines reads testdata that has one JSON object a line. The files are compressed, because everybody who imports
// the module downloads them; "make unpack" writes them out to read and to change, "make pack" puts them back.
package lines

import (
	"bufio"
	"compress/gzip"
	"iter"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// Of ranges over the lines of a file, "testdata/recorded-2.2.jsonl" for that with .gz behind it. A line is valid until the
// next.
func Of(t testing.TB, path string) iter.Seq[[]byte] {
	t.Helper()
	return func(yield func([]byte) bool) {
		t.Helper()
		file, err := os.Open(path + ".gz")
		require.NoError(t, err)
		defer file.Close()
		text, err := gzip.NewReader(file)
		require.NoError(t, err)
		lines := bufio.NewScanner(text)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if !yield(lines.Bytes()) {
				return
			}
		}
		require.NoError(t, lines.Err())
	}
}
