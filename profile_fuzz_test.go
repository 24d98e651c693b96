package deis

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzProfile reads profiles of any form: an error names the file, and a profile that is accepted can be saved and read
// again.
func FuzzProfile(f *testing.F) {
	for _, file := range []string{
		`{"username":"alice","ssl_verify":false,"controller":"http://deis.example.com","token":"abc123","response_limit":100}`,
		`{"token":5}`, "{\n\"token\": \"a\",\n}", `null`, `[]`, ``, `{"extra":{"a":[1]},"ssl_verify":null}`, "\xff",
	} {
		f.Add([]byte(file))
	}
	path := filepath.Join(f.TempDir(), "profile.json")
	f.Fuzz(func(t *testing.T, file []byte) {
		require.NoError(t, os.WriteFile(path, file, 0o600))
		profile, err := LoadProfile(path)
		if err != nil {
			require.ErrorContains(t, err, path)
			return
		}
		if profile.Token != "" && len(profile.Token) > 8 {
			require.NotContains(t, profile.String(), profile.Token)
		}
		require.NoError(t, profile.Save(path))
		again, err := LoadProfile(path)
		require.NoError(t, err)
		require.Equal(t, profile, again)
	})
}
