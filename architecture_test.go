package deis_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/deisgo/deis"

var resourcePackages = []string{
	"apps", "auth", "builds", "certs", "config", "domains", "keys", "perms", "pods", "releases", "users",
}

// What each package of the module may import of it; "." is the root. Arrows only run left:
//
//	version <- rest <- resource packages <- root <- deploy <- examples
//
// deistest stands apart: it shares no type with the SDK, or a mistake would be made twice and never seen.
func mayImport(dir string) (allowed []string, known bool) {
	below := append([]string{"version", "rest"}, resourcePackages...)
	switch {
	case dir == "version":
		return nil, true
	case dir == "rest", dir == "deistest":
		return []string{"version"}, true
	case dir == "auth":
		return []string{"version", "rest", "users"}, true // what it answers is a users.User
	case slices.Contains(resourcePackages, dir):
		return []string{"version", "rest"}, true
	case dir == ".":
		return below, true
	case dir == "deploy", dir == "internal/exchange":
		return append(below, "."), true
	case strings.HasPrefix(dir, "examples/"):
		return append(below, ".", "deploy", "deistest"), true
	}
	return nil, false
}

// What the module needs of others. internal/exchange is part of its tests.
var dependencies = map[string][]string{
	"rest":              {"github.com/hashicorp/go-retryablehttp", "github.com/google/go-querystring/query"},
	"internal/exchange": {"github.com/jarcoal/httpmock", "github.com/stretchr/testify/assert", "github.com/stretchr/testify/require"},
}

func TestArrowsOnlyRunLeft(t *testing.T) {
	packages := make(map[string]bool)
	for file, imports := range importsOf(t) {
		dir := filepath.ToSlash(filepath.Dir(file))
		packages[dir] = true
		allowed, known := mayImport(dir)
		assert.True(t, known, "%s: the house has no such package", dir)
		for _, path := range imports {
			if own, ok := strings.CutPrefix(path+"/", module+"/"); ok {
				assert.Contains(t, allowed, cleaned(own), "%s imports %s", file, path)
			} else if host, _, _ := strings.Cut(path, "/"); strings.Contains(host, ".") {
				assert.Contains(t, dependencies[dir], path, "%s imports %s", file, path)
			}
		}
	}
	for _, dir := range append([]string{".", "version", "rest", "deistest", "internal/exchange"}, resourcePackages...) {
		assert.True(t, packages[dir], "%s was not looked at", dir)
	}
}

// cleaned makes "rest/" to "rest" and "" to ".".
func cleaned(dir string) string {
	return filepath.ToSlash(filepath.Clean(dir))
}

// hasGoMod tells whether a directory is a module of its own.
func hasGoMod(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// importsOf finds what each file of the module imports, those of tests excepted.
func importsOf(t *testing.T) map[string][]string {
	t.Helper()
	files := make(map[string][]string)
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && (strings.ContainsAny(entry.Name()[:1], "._") || hasGoMod(path)):
			return fs.SkipDir // as the go command does
		case entry.IsDir(), filepath.Ext(path) != ".go", strings.HasSuffix(path, "_test.go"):
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		files[path] = nil
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			files[path] = append(files[path], name)
		}
		return nil
	})
	require.NoError(t, err)
	return files
}
