// Package lines reads testdata that has one JSON object a line.
package lines

import (
	"bufio"
	"errors"
	"io/fs"
	"iter"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// Of returns an iterator over the lines of a file. A line is valid until the next.
func Of(t testing.TB, path string) iter.Seq[[]byte] {
	t.Helper()
	return func(yield func([]byte) bool) {
		t.Helper()
		file, err := os.Open(path)
		SkipOutsideTheRepository(t, err)
		require.NoError(t, err)
		defer file.Close()
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if !yield(lines.Bytes()) {
				return
			}
		}
		require.NoError(t, lines.Err())
	}
}

// SkipOutsideTheRepository skips a test whose files are missing because this is a downloaded copy of the module, which has
// neither the recordings nor the documents nor the nested modules.
func SkipOutsideTheRepository(t testing.TB, err error) {
	t.Helper()
	if _, nested := os.Stat("../tools/go.mod"); errors.Is(err, fs.ErrNotExist) && errors.Is(nested, fs.ErrNotExist) {
		t.Skip("the recordings and the documents are in the repository only")
	}
}
