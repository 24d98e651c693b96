package test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/deisgo/deis"

var resourcePackages = []string{
	"apps", "auth", "builds", "certs", "config", "domains", "keys", "perms", "pods", "releases", "services", "settings",
	"tls", "users",
}

// allowedImports returns the packages of this module that the package in a folder may import; "." is the root. The
// dependencies point one way only:
//
//	version <- rest <- resource packages <- root <- deploy <- examples
//
// deistest shares no type with the SDK: a mistake in a shared type would go unnoticed.
func allowedImports(dir string) (allowed []string, known bool) {
	below := append([]string{"version", "rest"}, resourcePackages...)
	switch {
	case dir == "version", dir == "internal/lines":
		return nil, true
	case dir == "rest", dir == "deistest":
		return []string{"version"}, true
	case dir == "auth":
		return []string{"version", "rest", "users"}, true // its methods return a users.User
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

// allowedLibraries are the packages of other modules that a folder may import. internal/… is for tests only.
var allowedLibraries = map[string][]string{
	"rest":              {"github.com/hashicorp/go-retryablehttp", "github.com/google/go-querystring/query"},
	"internal/lines":    {"github.com/stretchr/testify/require"},
	"internal/exchange": {"github.com/jarcoal/httpmock", "github.com/stretchr/testify/assert", "github.com/stretchr/testify/require"},
}

func TestPackagesImportOnlyWhatTheLayoutAllows(t *testing.T) {
	packages := make(map[string]bool)
	for file, imports := range importsOf(t) {
		dir := path.Dir(file)
		packages[dir] = true
		allowed, known := allowedImports(dir)
		assert.True(t, known, "package %s is not in the table of allowed imports: add it there and to docs/CONTRIBUTING.md", dir)
		for _, imported := range imports {
			if own, ok := strings.CutPrefix(imported+"/", module+"/"); ok {
				assert.Contains(t, allowed, path.Clean(own), "%s imports %s, which the table of allowed imports does not allow", file, imported)
			} else if host, _, _ := strings.Cut(imported, "/"); strings.Contains(host, ".") {
				assert.Contains(t, allowedLibraries[dir], imported, "%s imports %s: every importer of the SDK would pay for it", file, imported)
			}
		}
	}
	for _, dir := range append([]string{".", "version", "rest", "deistest", "deploy", "internal/exchange", "examples/quickstart"}, resourcePackages...) {
		assert.True(t, packages[dir], "no file of package %s was read", dir)
	}
}

// importsOf returns the imports of each file of the module, without tests and nested modules.
func importsOf(t *testing.T) map[string][]string {
	t.Helper()
	files := make(map[string][]string)
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.ContainsAny(entry.Name()[:1], "._") || hasGoMod(root, name)):
			return fs.SkipDir // as the go command does
		case entry.IsDir(), path.Ext(name) != ".go", strings.HasSuffix(name, "_test.go"):
			return nil
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
		if err != nil {
			return err
		}
		files[name] = nil
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			files[name] = append(files[name], imported)
		}
		return nil
	})
	require.NoError(t, err)
	return files
}

// hasGoMod reports whether a folder is a nested module.
func hasGoMod(root fs.FS, dir string) bool {
	_, err := fs.Stat(root, path.Join(dir, "go.mod"))
	return err == nil
}
