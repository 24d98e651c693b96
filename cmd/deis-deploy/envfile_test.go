package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const privateKey = "-----BEGIN PRIVATE KEY-----\nMIIBVQIBADANBgkqhkiG9w0BAQEFAASCAT8w\nggE7AgEAAkEAq7BFUpkGp3+LQmlQYx2eqzDV\n-----END PRIVATE KEY-----\n"

func TestAnEnvFileIsReadAsItsAuthorMeantIt(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want map[string]string
	}{
		"plain":                            {"A=1", map[string]string{"A": "1"}},
		"empty file":                       {"\n# nothing\n", map[string]string{}},
		"empty values":                     {"A=\nB=\"\"\nC=''", map[string]string{"A": "", "B": "", "C": ""}},
		"export":                           {"export A=1\n  export  B = 2", map[string]string{"A": "1", "B": "2"}},
		"spaces around":                    {"A = good morning  \n\tB=\t1\t", map[string]string{"A": "good morning", "B": "1"}},
		"double quotes and a comment":      {`A="bar" # comment`, map[string]string{"A": "bar"}},
		"single quotes and a comment":      {`A='bar' # comment`, map[string]string{"A": "bar"}},
		"a comment":                        {"A=1 # one\nB=2 #two", map[string]string{"A": "1", "B": "2"}},
		"a comment alone":                  {"A= # none\nB=2", map[string]string{"A": "", "B": "2"}},
		"a # that is no comment":           {"A=1#one\nB=#b\nC='a # b'\nD=\"#\"", map[string]string{"A": "1#one", "B": "#b", "C": "a # b", "D": "#"}},
		"quotes over two lines":            {"A=\"two\nlines\"\nB='and\n\n# more'\nC=3", map[string]string{"A": "two\nlines", "B": "and\n\n# more", "C": "3"}},
		"a key over several lines":         {"KEY=\"" + privateKey + "\"\nB=2", map[string]string{"KEY": privateKey, "B": "2"}},
		"a key in one line":                {`KEY="` + strings.ReplaceAll(privateKey, "\n", `\n`) + `"`, map[string]string{"KEY": privateKey}},
		"other quotes inside":              {"A=\"it's\n'so'\n\"\nB=2 # it's", map[string]string{"A": "it's\n'so'\n", "B": "2"}},
		"escapes":                          {`A="a\tb\n\"c\" \\n"`, map[string]string{"A": "a\tb\n\"c\" \\n"}},
		"no escapes elsewhere":             {`A='a\nb'` + "\n" + `B=a\nb`, map[string]string{"A": `a\nb`, "B": `a\nb`}},
		"an escaped dollar":                {`A="pa\$word"`, map[string]string{"A": "pa$word"}},
		"a dollar in single quotes":        {`A='pa$word' # $$` + "\n" + `B='${B}$$'`, map[string]string{"A": "pa$word", "B": "${B}$$"}},
		"a dollar at the end":              {`A=5$` + "\n" + `B="$ 5"` + "\n" + `C="\$(date)\$5"`, map[string]string{"A": "5$", "B": "$ 5", "C": "$(date)$5"}},
		"a comment after a tab":            {"A=1\t# one\nB=\t#two\nC=\"3\"\t# three", map[string]string{"A": "1", "B": "", "C": "3"}},
		"quotes inside":                    {`A=it's "so"` + "\n" + `B={"a": "b"}` + "\n" + `C="it's"`, map[string]string{"A": `it's "so"`, "B": `{"a": "b"}`, "C": "it's"}},
		"equal signs and URLs":             {"A=a=b\nB=postgres://u:p@h/db?x=1&y=2#f", map[string]string{"A": "a=b", "B": "postgres://u:p@h/db?x=1&y=2#f"}},
		"lines of Windows":                 {"A=1\r\nB=\"x\r\ny\"\r\n", map[string]string{"A": "1", "B": "x\ny"}},
		"a byte order mark":                {"\ufeffA=1\nB=2", map[string]string{"A": "1", "B": "2"}},
		"names that the Controller judges": {"A.B-C=1", map[string]string{"A.B-C": "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseEnv(test.text)
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestAMistakeInAnEnvFileIsReportedWithItsLineButNoValue(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"an unclosed quote":               {"B=1\nA=\"secret\nC=2\n", "line 2: the quote at the beginning of the value of A is never closed"},
		"an unclosed single quote":        {"A='secret", "line 1: the quote at the beginning of the value of A is never closed"},
		"an escaped closing quote":        {`A="secret\"`, "line 1: the quote at the beginning of the value of A is never closed"},
		"an unclosed key":                 {"\nKEY=\"" + privateKey + "B=2", "line 2: the quote at the beginning of the value of KEY"},
		"a quote closed by the next one":  {"A=\"secret\nB=\"secret\"", "line 1: the value of A has text after its closing quote"},
		"text after the quote":            {`A="secret"secret`, "line 1: the value of A has text after its closing quote"},
		"two variables in a line":         {`A="1" B="secret"`, "line 1: the value of A has text after its closing quote"},
		"a shell's quotes":                {`A='it''s secret'`, "line 1: the value of A has text after its closing quote"},
		"a variable":                      {"A=1\nB=secret$secret", "line 2: the value of B has a $"},
		"a variable in double quotes":     {`A="${SECRET:-secret}"`, "line 1: the value of A has a $"},
		"a doubled dollar":                {`A=secret$$secret`, "line 1: the value of A has a $"},
		"a command in a value":            {`A=$(secret)`, "line 1: the value of A has a $"},
		"an argument of a shell":          {`A="secret$5"`, "line 1: the value of A has a $"},
		"a variable after a backslash":    {`A="\\$SECRET"`, "line 1: the value of A has a $"},
		"an alternative":                  {`A=${SECRET:+secret}`, "line 1: the value of A has a $"},
		"a brace without a name":          {`A=${}`, "line 1: the value of A has a $"},
		"an octal escape":                 {`A="secret\01"`, `line 1: the value of A has the escape \0`},
		"a name alone":                    {"A=1\nsecret", "line 2: want a variable, as NAME=value"},
		"an export alone":                 {"A=1\nexport A", "line 2: want a variable"},
		"a command":                       {"unset A", "line 1: want a variable"},
		"two names":                       {"A B=secret", "line 1: want a variable"},
		"no name":                         {"=secret", "line 1: want a variable"},
		"YAML":                            {"A: secret", "line 1: want a variable"},
		"a key without quotes":            {"KEY=" + privateKey, "line 2: want a variable"},
		"twice":                           {"A=1\n\nA=secret", "line 3: A is already set in line 1"},
		"twice, after a value over lines": {"A=\"1\n2\"\nB=1\nA=secret", "line 4: A is already set in line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseEnv(test.text)
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, strings.ToLower(err.Error()), "secret")
			assert.NotContains(t, err.Error(), "MII")
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}
