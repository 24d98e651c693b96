package test

import (
	"fmt"
	"go/ast"
	"go/doc/comment"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/internal/lines"
)

// A snippet is Go code in a document or in the comment of a package: a program, a declaration or some statements.
type snippet struct {
	where, code string
}

// snippetImports are what statements and declarations in documents may use without importing it.
var snippetImports = append([]string{
	"context", "errors", "fmt", "log", "log/slog", "net/http", "net/url", "os", "testing", "time",
	module, module + "/deistest", module + "/deploy", module + "/rest", module + "/version",
}, modulePaths(resourcePackages)...)

func modulePaths(dirs []string) (paths []string) {
	for _, dir := range dirs {
		paths = append(paths, module+"/"+dir)
	}
	return paths
}

func TestGoCodeInDocumentsCompiles(t *testing.T) {
	checker := newSnippetChecker(t)
	fenced := regexp.MustCompile("(?ms)^```go\n(.*?)^```$")
	found := 0
	for _, name := range []string{"../README.md", "../docs/deploy.md"} { // deistest runs the code of docs/testing.md
		text, err := os.ReadFile(name)
		lines.SkipOutsideTheRepository(t, err)
		require.NoError(t, err)
		for i, match := range fenced.FindAllStringSubmatch(string(text), -1) {
			found++
			checker.check(t, snippet{fmt.Sprintf("%s, block %d", name, i+1), match[1]})
		}
	}
	assert.NotZero(t, found)
}

func TestGoCodeInPackageCommentsCompiles(t *testing.T) {
	checker := newSnippetChecker(t)
	for _, dir := range append([]string{"deploy", "deistest"}, resourcePackages...) {
		snippets := packageSnippets(t, dir)
		assert.NotEmpty(t, snippets, "the comment of package %s shows no use", dir)
		for _, s := range snippets {
			checker.check(t, s)
		}
	}
}

// packageSnippets are the code blocks in the comment of a package.
func packageSnippets(t *testing.T, dir string) (all []snippet) {
	files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
	require.NoError(t, err)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.PackageClauseOnly)
		require.NoError(t, err)
		if file.Doc == nil || strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, block := range new(comment.Parser).Parse(file.Doc.Text()).Content {
			if code, ok := block.(*comment.Code); ok && strings.Contains(code.Text, "(") {
				all = append(all, snippet{"the comment of package " + dir, code.Text})
			}
		}
	}
	return all
}

// A snippetChecker type-checks snippets with the compiled packages that "go list" names.
type snippetChecker struct {
	files    *token.FileSet
	importer types.Importer
}

func newSnippetChecker(t *testing.T) snippetChecker {
	t.Helper()
	command := exec.Command("go", append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}"}, snippetImports...)...)
	command.Stderr = os.Stderr
	list, err := command.Output()
	require.NoError(t, err)
	compiled := make(map[string]string)
	for line := range strings.Lines(string(list)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		compiled[path] = file
	}
	files := token.NewFileSet()
	return snippetChecker{files, importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(compiled[path]) })}
}

// check fails the test if a snippet does not compile. Variables and imports that it does not use are no fault in it.
func (c snippetChecker) check(t *testing.T, s snippet) {
	t.Helper()
	file, err := parser.ParseFile(c.files, s.where, s.source(), parser.SkipObjectResolution)
	if !assert.NoError(t, err, s.code) {
		return
	}
	config := types.Config{Importer: c.importer, Error: func(err error) {
		if fault, ok := err.(types.Error); ok && !fault.Soft { //nolint:errorlint // it is passed as it is
			assert.Fail(t, fault.Error(), "%s:\n%s", s.where, s.code)
		}
	}}
	_, _ = config.Check("snippet", c.files, []*ast.File{file}, nil) //nolint:errcheck // Error has got it
}

// source makes a file of a snippet, in which "…" stands for what is left out. Statements have the variables that a reader
// takes for granted.
func (s snippet) source() string {
	code := strings.ReplaceAll(s.code, "…", "")
	if strings.HasPrefix(code, "package ") {
		return code
	}
	var file strings.Builder
	file.WriteString("package snippet\n\nimport (\n")
	for _, path := range snippetImports {
		fmt.Fprintf(&file, "\t%q\n", path)
	}
	file.WriteString(")\n\n")
	if strings.HasPrefix(code, "func ") {
		return file.String() + code
	}
	return file.String() + "func _(ctx context.Context, client *deis.Client, t *testing.T, password, pem, key string) {\n{\n" + code + "\n}\n}\n"
}
