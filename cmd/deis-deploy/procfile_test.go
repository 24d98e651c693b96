package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAProcfileIsReadAsTheDeisClientReadsIt(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want map[string]string
	}{
		"plain":                {"web: ./server\nworker: ./worker -v\n", map[string]string{"web": "./server", "worker": "./worker -v"}},
		"double quotes":        {`web: "node server.js"`, map[string]string{"web": "node server.js"}},
		"single quotes":        {`web: 'echo ''hi'''`, map[string]string{"web": "echo 'hi'"}},
		"quotes inside":        {`web: bash -c "node server.js"`, map[string]string{"web": `bash -c "node server.js"`}},
		"folded":               {"web: >\n  node\n  server.js\n", map[string]string{"web": "node server.js\n"}},
		"folded without end":   {"web: >-\n  node\n  server.js\n", map[string]string{"web": "node server.js"}},
		"literal":              {"web: |\n  cd app\n  node server.js\n", map[string]string{"web": "cd app\nnode server.js\n"}},
		"flow":                 {"{beat: x, web: y}", map[string]string{"beat": "x", "web": "y"}},
		"a document's begin":   {"---\nweb: a\n", map[string]string{"web": "a"}},
		"a document's end":     {"web: a\n...\n", map[string]string{"web": "a"}},
		"a type in quotes":     {`"web": a`, map[string]string{"web": "a"}},
		"a byte order mark":    {"\ufeffweb: a", map[string]string{"web": "a"}},
		"lines of Windows":     {"web: a\r\nworker: b\r\n", map[string]string{"web": "a", "worker": "b"}},
		"comments":             {"# types\nweb: a # the site\n", map[string]string{"web": "a"}},
		"a command over lines": {"web: node\n  server.js\n", map[string]string{"web": "node server.js"}},
		"a tab":                {"web:\ta", map[string]string{"web": "a"}},
		"what is no text":      {"web: 5\nno: yes\nbeat: 1.50\n1: 0x10", map[string]string{"web": "5", "no": "yes", "beat": "1.50", "1": "0x10"}},
		"anchors":              {"web: &run ./server\nworker: *run", map[string]string{"web": "./server", "worker": "./server"}},
		"variables":            {"web: ./server -p $PORT", map[string]string{"web": "./server -p $PORT"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseProcfile(test.text)
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestAMistakeInAProcfileIsReportedInOneLine(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"empty":             {"", "want at least one process type"},
		"comments only":     {"# web: a", "want at least one process type"},
		"no space":          {"web:a", "line 1: cannot unmarshal"},
		"no command":        {"web:\nworker: b", "web has no command"},
		"an empty command":  {`web: " "`, "web has no command"},
		"no type":           {"web: a\n~: b", "line 2: want a process type"},
		"twice":             {"web: a\nweb: b", `line 2: mapping key "web" already defined at line 1`},
		"a list":            {"web: [a, b]", "line 1: cannot unmarshal"},
		"commands in lists": {"- web: a", "line 1: cannot unmarshal"},
		"a test command":    {"web: [ -f x ] && ./server", "quote a command"},
		"a second colon":    {"web: echo a: b", "quote a command"},
		"an unclosed quote": {`web: "a`, "unexpected end of stream"},
		"two documents":     {"web: a\n---\nweb: b", "want one YAML document"},
		"a broken second":   {"web: a\n---\nweb: [", "want one YAML document"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseProcfile(test.text)
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), "\n")
			assert.NotContains(t, err.Error(), "yaml:")
		})
	}
}
