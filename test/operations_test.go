package test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/internal/lines"
)

var update = flag.Bool("update", false, "rewrite the tables in docs, except the last column in docs/operations.md")

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

func TestEveryDocumentedOperationHasExactlyOneMethod(t *testing.T) {
	marks := readMarks(t)
	used := make(map[mark]bool)
	for _, d := range readDocuments(t) {
		found := marksOf(marks, d)
		if assert.Len(t, found, 1, "methods for %s %s: %s %s", d.API, d.Operation, d.Request.Method, d.Request.Path) {
			used[found[0]] = true
		}
	}
	for _, m := range marks {
		if m.api != recordedAPI {
			assert.True(t, used[m], "%s is marked with %s %s of v%s, which no document has", m.method, m.verb, m.path, m.api)
		}
	}
}

// recordedAPI has no document. Its marks are compared with what was recorded on a real Controller.
const recordedAPI = "2.3"

// withoutMethod are recorded exchanges that succeeded, but that no method makes.
var withoutMethod = []string{
	"GET /",                              // the version probe
	"POST /certs/foo/domain/test2.com",   // the domain can be in the body or in the path
	"GET /apps/{app}/pods/{type}/{name}", // one pod, which the list contains as well
}

func TestEveryRecordedOperationOfAPI23HasExactlyOneMethod(t *testing.T) {
	marks := readMarks(t)
	used := make(map[mark]bool)
	for _, r := range readRecordings(t) {
		verb, target, _ := strings.Cut(r.Request, " ")
		path, _, _ := strings.Cut(target, "?")
		path, isAPI := strings.CutPrefix(path, "/v2/")
		if r.API != recordedAPI || r.Status >= 300 || verb == "HEAD" || !isAPI {
			continue
		}
		path = "/" + strings.TrimSuffix(path, "/")
		var found []mark
		for _, m := range marks {
			m.path = strings.TrimSuffix(m.path, "/")
			if m.api == recordedAPI && m.verb == verb && m.matches(path) {
				found = append(found, m)
				used[m] = true
			}
		}
		if !slices.ContainsFunc(withoutMethod, func(pattern string) bool { return (mark{path: pattern}).matches(verb + " " + path) }) {
			assert.Len(t, found, 1, "methods for %s %s of %s: %v", verb, path, r.Name, found)
		}
	}
	for _, m := range marks {
		m.path = strings.TrimSuffix(m.path, "/")
		if m.api == recordedAPI {
			assert.True(t, used[m], "%s is marked with %s %s of v%s, which was not recorded", m.method, m.verb, m.path, m.api)
		}
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

// readMarks reads the marks in the resource packages and checks their form.
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
						service := strings.ToUpper(dir[:1]) + dir[1:]
						if dir == "tls" {
							service = "TLS"
						}
						method := service + "." + fn.Name.Name
						marks = append(marks, mark{strings.TrimPrefix(api, "v"), parts[2], parts[3], method})
					}
				}
			}
		}
	}
	return marks
}

// The table in docs/operations.md has one row for each operation. An operation that is in both documents is one row. All
// columns but the last are written from the documents and the marks.
func TestTheTableOfOperationsIsUpToDate(t *testing.T) {
	const file = "../docs/operations.md"
	written, err := os.ReadFile(file)
	lines.SkipOutsideTheRepository(t, err)
	require.NoError(t, err)
	before, table, found := strings.Cut(string(written), "\n| Operation |")
	require.True(t, found, "%s has no table", file)
	remarks := make(map[string]string)
	for _, line := range strings.Split(table, "\n") {
		if cells := strings.Split(line, " | "); len(cells) == 6 {
			remarks[strings.Join(cells[:2], " | ")] = strings.TrimSuffix(cells[5], " |")
		}
	}

	var text strings.Builder
	text.WriteString(before + "\n| Operation | SDK | v1.6 | v2.2 | v2.3 | On real Controllers |\n|---|---|---|---|---|---|\n")
	for _, row := range tableRows(t) {
		key := fmt.Sprintf("| %s | `%s`", strings.Join(row.names, " / "), row.method)
		fmt.Fprintf(&text, "%s | %s | %s | %s | %s |\n", key, row.paths["1.6"], row.paths["2.2"], row.paths["2.3"], remarks[key])
	}
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(text.String()), 0o644))
		return
	}
	assert.Equal(t, text.String(), string(written), "go generate ./test rewrites it")
}

type tableRow struct {
	method string
	nth    int // index among the operations of the method
	names  []string
	paths  map[string]string
}

func newTableRow(method string, nth int) *tableRow {
	return &tableRow{method: method, nth: nth, paths: map[string]string{"1.6": "—", "2.2": "—"}}
}

// cell returns the operation as the table shows it.
func (m mark) cell() string { return fmt.Sprintf("`%s /v%s%s`", m.verb, m.api[:1], m.path) }

// recordedNames are names for the operations that no document has.
var recordedNames = map[string]string{
	"Builds.Get": "Get Application Build", "Keys.Get": "Get Key",
	"Services.List": "List Application Services", "Services.Create": "Create Application Service", "Services.Delete": "Remove Application Service",
	"Settings.Get": "Get Application Settings", "Settings.Set": "Change Application Settings",
	"Settings.Whitelist": "List Application Whitelist", "Settings.Allow": "Add Addresses to Whitelist", "Settings.Disallow": "Remove Addresses from Whitelist",
	"TLS.Get": "Get Application TLS", "TLS.Enforce": "Enforce HTTPS",
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
			rows = append(rows, newTableRow(m.method, nth))
		}
		if !slices.Contains(rows[at].names, d.Operation) {
			rows[at].names = append(rows[at].names, d.Operation)
		}
		rows[at].paths[d.API] = m.cell()
	}
	recorded := make(map[string][]mark)
	for _, m := range marks {
		if m.api == recordedAPI {
			recorded[m.method] = append(recorded[m.method], m)
		}
	}
	for _, method := range slices.Sorted(maps.Keys(recorded)) {
		marks := recorded[method]
		if !slices.ContainsFunc(rows, func(r *tableRow) bool { return r.method == method }) {
			require.Contains(t, recordedNames, method)
			require.Len(t, marks, 1, method)
			row := newTableRow(method, 0)
			row.names = []string{recordedNames[method]}
			rows = append(rows, row)
		}
	}
	for _, row := range rows {
		marks := recorded[row.method]
		require.NotEmpty(t, marks, row.method)
		cell := marks[min(row.nth, len(marks)-1)].cell() // two documented operations can be one recorded operation
		if cell != row.paths["2.2"] {
			cell = "recorded: " + cell
		}
		row.paths[recordedAPI] = cell
	}
	slices.SortStableFunc(rows, func(a, b *tableRow) int {
		service := func(r *tableRow) string { name, _, _ := strings.Cut(r.method, "."); return name }
		return strings.Compare(service(a), service(b))
	})
	return rows
}
