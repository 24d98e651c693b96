package test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the tables in docs anew; the last column of that in docs/operations.md stays")

// A mark is a comment of the form
//
//	//deis:operation v1.6,v2.2 GET /apps/{id}/
//
// above the method that carries out that operation, here for one version.
type mark struct {
	api    string // "1.6"
	verb   string // "GET"
	path   string // "/apps/{id}/"
	method string // "Apps.Get"
}

func TestEveryDocumentedOperationIsTheWorkOfExactlyOneMethod(t *testing.T) {
	marks := readMarks(t)
	used := make(map[mark]bool)
	for _, d := range readDocuments(t) {
		found := marksOf(marks, d)
		if assert.Len(t, found, 1, "methods for %s %s: %s %s", d.API, d.Operation, d.Request.Method, d.Request.Path) {
			used[found[0]] = true
		}
	}
	for _, m := range marks {
		assert.True(t, used[m], "%s is marked with %s %s of v%s, which no document has", m.method, m.verb, m.path, m.api)
	}
}

func marksOf(marks []mark, d documented) []mark {
	path := strings.TrimPrefix(d.Request.Path, "/v"+d.API[:1])
	return slices.DeleteFunc(slices.Clone(marks), func(m mark) bool {
		return m.api != d.API || m.verb != d.Request.Method || !m.matches(path)
	})
}

var placeholder = regexp.MustCompile(`\\{[a-z]+\\}`)

func (m mark) matches(path string) bool {
	pattern := placeholder.ReplaceAllString(regexp.QuoteMeta(m.path), `[^/]+`)
	return regexp.MustCompile("^" + pattern + "$").MatchString(path)
}

// readMarks finds the marks in the resource packages, and holds their form.
func readMarks(t *testing.T) []mark {
	t.Helper()
	form := regexp.MustCompile(`^//deis:operation (v\d\.\d(?:,v\d\.\d)*) ([A-Z]+) (/\S+)$`)
	var marks []mark
	for _, dir := range resourcePackages {
		files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
			require.NoError(t, err)
			for _, decl := range parsed.Decls {
				fn, ok := decl.(*ast.FuncDecl)
				if !ok || fn.Doc == nil {
					continue
				}
				for _, comment := range fn.Doc.List {
					if !strings.HasPrefix(comment.Text, "//deis:") {
						continue
					}
					parts := form.FindStringSubmatch(comment.Text)
					require.NotNil(t, parts, "%s: %s", file, comment.Text)
					for _, api := range strings.Split(parts[1], ",") {
						method := strings.ToUpper(dir[:1]) + dir[1:] + "." + fn.Name.Name
						marks = append(marks, mark{strings.TrimPrefix(api, "v"), parts[2], parts[3], method})
					}
				}
			}
		}
	}
	return marks
}

// The table in docs/operations.md has one row for each documented operation; of what the two documents have in common
// one for both. All columns but the last follow from the documents and the marks.
func TestTheTableOfOperationsIsComplete(t *testing.T) {
	const file = "../docs/operations.md"
	written, err := os.ReadFile(file)
	require.NoError(t, err)
	before, table, found := strings.Cut(string(written), "\n| Operation |")
	require.True(t, found, "%s has no table", file)
	remarks := make(map[string]string)
	for _, line := range strings.Split(table, "\n") {
		if cells := strings.Split(line, " | "); len(cells) == 5 {
			remarks[strings.Join(cells[:2], " | ")] = strings.TrimSuffix(cells[4], " |")
		}
	}

	var text strings.Builder
	text.WriteString(before + "\n| Operation | SDK | v1.6 | v2.2 | On real Controllers |\n|---|---|---|---|---|\n")
	for _, row := range tableRows(t) {
		key := fmt.Sprintf("| %s | `%s`", strings.Join(row.names, " / "), row.method)
		fmt.Fprintf(&text, "%s | %s | %s | %s |\n", key, row.paths["1.6"], row.paths["2.2"], remarks[key])
	}
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(text.String()), 0o644))
		return
	}
	assert.Equal(t, text.String(), string(written), "go test -run TestTheTableOfOperations -update ./test writes it anew")
}

type tableRow struct {
	method string
	nth    int // of the operations of the method
	names  []string
	paths  map[string]string
}

// tableRows puts the n-th operation that a method has in one document and the n-th in the other into one row.
func tableRows(t *testing.T) []*tableRow {
	t.Helper()
	marks := readMarks(t)
	var rows []*tableRow
	seen := make(map[string]int)
	for _, d := range readDocuments(t) {
		found := marksOf(marks, d)
		require.Len(t, found, 1)
		m := found[0]
		nth := seen[d.API+m.method]
		seen[d.API+m.method]++
		at := slices.IndexFunc(rows, func(r *tableRow) bool { return r.method == m.method && r.nth == nth })
		if at < 0 {
			at = len(rows)
			rows = append(rows, &tableRow{method: m.method, nth: nth, paths: map[string]string{"1.6": "—", "2.2": "—"}})
		}
		if !slices.Contains(rows[at].names, d.Operation) {
			rows[at].names = append(rows[at].names, d.Operation)
		}
		rows[at].paths[d.API] = fmt.Sprintf("`%s /v%s%s`", m.verb, d.API[:1], m.path)
	}
	slices.SortStableFunc(rows, func(a, b *tableRow) int {
		service := func(r *tableRow) string { name, _, _ := strings.Cut(r.method, "."); return name }
		return strings.Compare(service(a), service(b))
	})
	return rows
}
