package apps_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/rest"
)

func TestRunReadsBothForms(t *testing.T) {
	for situation, c := range map[string]struct {
		api, response string
		want          apps.RunResult
	}{
		"v1.6":                    {"1.6", `[0, "hi\n"]`, apps.RunResult{Output: "hi\n"}},
		"v1.6, the command fails": {"1.6", `[3, "no\n"]`, apps.RunResult{ExitCode: 3, Output: "no\n"}},
		"v1.6, it prints nothing": {"1.6", `[0, ""]`, apps.RunResult{}},
		"2.2":                     {"2.2", `{"exit_code": 0, "output": "h\u00e9llo ✓\n"}`, apps.RunResult{Output: "héllo ✓\n"}},
		"2.2, the command fails":  {"2.2", `{"exit_code": 127, "output": ""}`, apps.RunResult{ExitCode: 127}},
		"2.2, in v1.6's form":     {"2.2", ` [1, "old"] `, apps.RunResult{ExitCode: 1, Output: "old"}},
		"v1.6, in 2.2's form":     {"1.6", `{"exit_code": 1, "output": "new"}`, apps.RunResult{ExitCode: 1, Output: "new"}},
	} {
		t.Run(situation, func(t *testing.T) {
			client := exchange.Client(t, c.api,
				exchange.On("POST /v"+c.api[:1]+"/apps/example-go/run/", `{"command": "echo hi"}`, 200, c.response))
			got, err := client.Apps.Run(t.Context(), "example-go", "echo hi")
			require.NoError(t, err)
			assert.Equal(t, c.want, *got)
		})
	}
}

func TestRunRejectsAnyOtherForm(t *testing.T) {
	for _, response := range []string{`[]`, `[0]`, `[0, "a", "b"]`, `["0", "a"]`, `[null, null]`, `[null, "a"]`, `[0, null]`, `"hi"`, `{"exit_code": "0"}`, ``, `null`, `<h1>hi</h1>`} {
		client := exchange.Client(t, "1.6", exchange.On("POST /v1/apps/example-go/run/", `{"command": "ls"}`, 200, response))
		_, err := client.Apps.Run(t.Context(), "example-go", "ls")
		assert.ErrorContains(t, err, "deis: POST /v1/apps/example-go/run/: 200 OK: the response ", "%q", response)
	}
}

func TestLogsAreTheSameInEveryForm(t *testing.T) {
	for situation, c := range map[string]struct{ response, want string }{
		"v1.6, a JSON string": {
			`"deis[api]: \"quoted\" \\ tab\there caf\u00e9 ☃ <b>&amp;</b>\n"`,
			"deis[api]: \"quoted\" \\ tab\there café ☃ <b>&amp;</b>\n",
		},
		"v1.6, not UTF-8":                   {"\"caf\xe9\\n\"", "caf\uFFFD\n"},
		"v1.6, zero lines":                  {`""`, ""},
		"2.2, a bytes literal":              {`b'a\nb\n'`, "a\nb\n"},
		"2.2, every escape":                 {`b'\n\r\t\\\'\x00\x7f\xc3\xa9\xE2\x9c\x93'`, "\n\r\t\\'\x00\x7fé✓"},
		"2.2, double quotes in it":          {`b'say "yes" now\n'`, "say \"yes\" now\n"},
		"2.2, single quotes in it":          {`b"it's\n"`, "it's\n"},
		"2.2, both in it":                   {`b'it\'s "both" now\n'`, "it's \"both\" now\n"},
		"2.2, not UTF-8":                    {`b'caf\xe9\n'`, "caf\uFFFD\n"},
		"2.2, an empty literal":             {`b''`, ""},
		"2.2, a line ending after it":       {"b'a\\n'\n", "a\n"},
		"2.3, plain text":                   {"plain é\\n \"line\"\n", "plain é\\n \"line\"\n"},
		"2.3, not UTF-8":                    {"caf\xe9\n", "caf\uFFFD\n"},
		"2.3, empty lines around":           {"\n\n a \n\n", "\n\n a \n\n"},
		"a literal without its end":         {`b'a\n`, `b'a\n`},
		"a literal with the other quote":    {`b'a"`, `b'a"`},
		"a literal that ends early":         {`b'a' and b'c'`, `b'a' and b'c'`},
		"a literal whose end is escaped":    {`b'a\'`, `b'a\'`},
		"an escape unknown to Python":       {`b'a\q'`, `b'a\q'`},
		"half an escape":                    {`b'a\x4'`, `b'a\x4'`},
		"an escape that is not hexadecimal": {`b'a\xzz'`, `b'a\xzz'`},
		"the beginning of a literal":        {`b'`, `b'`},
		"a letter":                          {`b`, `b`},
		"a string without its end":          {`"a\n`, `"a\n`},
		"two strings":                       {`"a" said "b"`, `"a" said "b"`},
	} {
		t.Run(situation, func(t *testing.T) {
			client := exchange.Client(t, "2.2",
				exchange.On("GET /v2/apps/example-go/logs/", "", 200, c.response).Header("Content-Type", "text/plain"))
			got, err := client.Apps.Logs(t.Context(), "example-go", apps.LogOptions{})
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestNoContentIsAnEmptyLog(t *testing.T) {
	client := exchange.Client(t, "1.6", exchange.On("GET /v1/apps/fresh/logs/?log_lines=5", "", 204, ""))
	got, err := client.Apps.Logs(t.Context(), "fresh", apps.LogOptions{Lines: 5})
	require.NoError(t, err)
	assert.Empty(t, got)
}

func TestACallersOwnQueryReplacesTheLogOptions(t *testing.T) {
	client := exchange.Client(t, "2.2", exchange.On("GET /v2/apps/example-go/logs/?since=5", "", 200, "a\n"))
	log, err := client.Apps.Logs(t.Context(), "example-go", apps.LogOptions{}, rest.WithQuery(struct {
		Since int `url:"since"`
	}{5}))
	require.NoError(t, err)
	assert.Equal(t, "a\n", log)
}

func TestALoggerThatIsDownIsAnError(t *testing.T) {
	client := exchange.Client(t, "2.2",
		exchange.On("GET /v2/apps/example-go/logs/", "", 500, "Error accessing logs for example-go").Header("Content-Type", "text/plain"))
	_, err := client.Apps.Logs(t.Context(), "example-go", apps.LogOptions{})
	assert.EqualError(t, err, "deis: GET /v2/apps/example-go/logs/: 500 Internal Server Error: Error accessing logs for example-go")
}

func TestOneOddAppDoesNotMakeAListUnreadable(t *testing.T) {
	client := exchange.Client(t, "2.2", exchange.On("GET /v2/apps", "", 200, `{"count": 8, "results": [
		{"id": "good", "structure": {"web": 3}},
		{"id": "list", "structure": [1]},
		{"id": "text", "structure": "web=1"},
		{"id": "texts", "structure": {"web": "1", "worker": 2}},
		{"id": "deep", "structure": {"web": {"a": 1}}},
		{"id": "fractions", "structure": {"web": 1.5, "worker": 1e3}},
		{"id": "null", "structure": null},
		{"id": "again", "structure": {"web": 3}}
	]}`))
	page, err := client.Apps.List(t.Context(), apps.ListOptions{})
	require.NoError(t, err)
	assert.Equal(t, []apps.App{
		{ID: "good", Structure: map[string]int{"web": 3}},
		{ID: "list"},
		{ID: "text"},
		{ID: "texts", Structure: map[string]int{"worker": 2}},
		{ID: "deep"},
		{ID: "fractions"},
		{ID: "null"},
		{ID: "again", Structure: map[string]int{"web": 3}},
	}, page.Items)
}

func TestOtherFieldsOfAnAppMustHaveTheRightType(t *testing.T) {
	for _, app := range []string{`{"id": 5}`, `{"id": 5, "structure": [1]}`} {
		_, err := exchange.Client(t, "2.2", exchange.On("GET /v2/apps/example-go/", "", 200, app)).Apps.Get(t.Context(), "example-go")
		assert.Error(t, err, app)
	}
}

func TestProcfileStructureIsTextWhateverTheControllerSends(t *testing.T) {
	for body, want := range map[string]map[string]string{
		`{"web": "./serve", "worker": ""}`:        {"web": "./serve", "worker": ""},
		`{"web": 1, "worker": "./work"}`:          {"web": "1", "worker": "./work"}, // after a first build without a Procfile
		`{"web": ["./serve"], "worker": {"a":1}}`: {"web": `["./serve"]`, "worker": `{"a":1}`},
		`{}`:    {},
		`null`:  nil,
		`[1]`:   nil,
		`"web"`: nil,
	} {
		client := exchange.Client(t, "2.3", exchange.On("GET /v2/apps/example-go/", "", 200, `{"id": "example-go", "procfile_structure": `+body+`}`))
		app, err := client.Apps.Get(t.Context(), "example-go")
		require.NoError(t, err, body)
		assert.Equal(t, want, app.ProcfileStructure, body)
	}
}
