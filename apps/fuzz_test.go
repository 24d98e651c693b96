package apps

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzLog checks that plainLog never grows a log and reverses both ways of quoting.
func FuzzLog(f *testing.F) {
	for _, body := range []string{
		`"16:51:14 deis[api]: test created initial release\n"`, `b'h\xc3\xa9llo\n'`, `b"it's\n"`, `b'it\'s "both"'`, "raw line\n",
		`b'`, `b''`, `b'\x4'`, `b'a'b'`, `"unfinished`, `b'\`, "", "\"\xff\"",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		plain := plainLog(body)
		require.LessOrEqual(t, len(plain), 3*len(body)) // a byte that is not UTF-8 can become U+FFFD, which has three

		literal := []byte("b'")
		for _, c := range body {
			literal = fmt.Appendf(literal, `\x%02x`, c)
		}
		read, ok := unquotePython(append(literal, '\''))
		require.True(t, ok)
		require.True(t, bytes.Equal(body, read))
		if utf8.Valid(body) {
			quoted, err := json.Marshal(string(body))
			require.NoError(t, err)
			require.Equal(t, string(body), string(plainLog(quoted)))
		}
	})
}

// FuzzRunResult checks that any result that can be read can be written and read again.
func FuzzRunResult(f *testing.F) {
	for _, body := range []string{
		`[0, "hi\n"]`, `{"exit_code": 0, "output": "hi\n"}`, `[]`, `[1]`, `[1,2,3]`, `["a",0]`, `[null,null]`, `{}`, `[`, ` [0,""]`, `[[0],""]`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var result RunResult
		if json.Unmarshal(body, &result) != nil {
			return
		}
		written, err := json.Marshal(result)
		require.NoError(t, err)
		var again RunResult
		require.NoError(t, json.Unmarshal(written, &again))
		require.Equal(t, result, again)
	})
}
