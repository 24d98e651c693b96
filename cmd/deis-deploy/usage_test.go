package main

import (
	"flag"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWrongUsageIsOneLineAndExitStatusTwo(t *testing.T) {
	t.Parallel()
	token := []string{"DEIS_CONTROLLER=https://deis.example.com", "DEIS_TOKEN=secret-token"}
	for name, test := range map[string]struct {
		env  []string
		args []string
		want string
	}{
		"an unknown flag":          {token, []string{"-nonsense"}, "-nonsense"},
		"an argument":              {token, []string{"-set", "A=b", "secret"}, "unexpected argument, number 5 of the command line"},
		"false after a switch":     {token, []string{"-rollback", "false"}, "unexpected argument, number 4"},
		"an empty image":           {token, []string{"-image", ""}, "-image is empty"},
		"a flag as an image":       {token, []string{"-image", "-rollback"}, "-image has no value: another flag follows it"},
		"a flag as a variable":     {token, []string{"-set", "-image=secret"}, "-set has no value: another flag follows it"},
		"a flag as the next one":   {token, []string{"-set", "A=1", "-set", "-image=secret"}, "-set: want a name"},
		"a flag as a name":         {token, []string{"-unset", "A", "-unset", "-rollback"}, "-unset: want names without values"},
		"an empty scale":           {token, []string{"-scale", ""}, "-scale is empty"},
		"scale":                    {token, []string{"-scale", "web"}, "-scale: want a name, an equal sign and a value"},
		"a number that is none":    {token, []string{"-scale", "web=many"}, "-scale: want a number for web"},
		"a negative number":        {token, []string{"-scale", "web=-1"}, "-scale: want a number for web"},
		"a type twice":             {token, []string{"-scale", "web=1,web=2"}, "-scale: web is given twice"},
		"a type in two flags":      {token, []string{"-scale", "web=1", "-scale", "worker=1, web=1"}, "-scale: web is given twice"},
		"a type in no Procfile":    {token, []string{"-image", "x", "-scale", "worker=1", "-procfile", file(t, "web: a")}, `process type "worker" is not in the Procfile: web`},
		"no such Procfile":         {token, []string{"-procfile", "nosuch"}, "open nosuch: no such file"},
		"a Procfile alone":         {token, []string{"-procfile", file(t, "web: a")}, "image"},
		"a broken Procfile":        {token, []string{"-procfile", file(t, "web: a\nnonsense")}, "line 2"},
		"a broken .env":            {token, []string{"-env-file", file(t, "A=1\n\nnonsense")}, ": line 3: want a variable"},
		"an unclosed quote":        {token, []string{"-env-file", file(t, "A=1\nB=\"secret\n")}, ": line 2: the quote at the beginning of the value of B is never closed"},
		"a bad name":               {token, []string{"-set", "A B=secret"}, "A B"},
		"no name":                  {token, []string{"-set", "=secret"}, "-set: want a name"},
		"no value":                 {token, []string{"-set", "SECRET"}, "-set: want a name, an equal sign and a value"},
		"a variable twice":         {token, []string{"-set", "A=secret", "-set", "A=secret"}, "-set: A is given twice"},
		"set and unset":            {token, []string{"-set", "A=secret", "-unset", "A"}, "A is both in -set and in -unset"},
		"unset with a value":       {token, []string{"-unset", "A=secret"}, "-unset: want names without values"},
		"a domain twice":           {token, []string{"-domain", "a.example.com,a.example.com"}, "-domain: a.example.com is given twice"},
		"a limit twice":            {token, []string{"-limit", "web=1G", "-limit", "web="}, "-limit: web is given twice"},
		"autoscale":                {token, []string{"-autoscale", "web=2"}, "-autoscale: want bounds and a CPU percentage for web"},
		"bounds that cross":        {token, []string{"-autoscale", "web=5-2@50"}, "autoscaler of web"},
		"maintenance":              {token, []string{"-maintenance", "yes"}, "-maintenance: want on or off"},
		"timeout":                  {token, []string{"-timeout", "0s"}, "-timeout must be positive"},
		"a timeout without a unit": {token, []string{"-timeout", "5"}, "-timeout: want a time with a unit, as 90s or 5m"},
		"an image twice":           {token, []string{"-image", "a", "-image", "b"}, "-image: the flag is given twice"},
		"a switch twice":           {token, []string{"-rollback", "-rollback"}, "flag rollback: the flag is given twice"},
		"log lines":                {token, []string{"-log-lines", "-1"}, "must not be negative"},
		"version":                  {token, []string{"-api", "two"}, "is not an API version"},
		"force without an image":   {token, []string{"-force"}, "image"},
		"no environment":           {nil, []string{}, "set DEIS_CONTROLLER and DEIS_TOKEN"},
		"half an environment":      {[]string{"DEIS_TOKEN=secret-token"}, []string{}, "DEIS_TOKEN is set, but DEIS_CONTROLLER is not"},
		"no token":                 {nil, []string{"-controller", "https://deis.example.com"}, "-controller needs DEIS_TOKEN in the environment"},
		"a token of another":       {token, []string{"-controller", "https://other.example.com"}, "-controller and DEIS_CONTROLLER differ"},
		"no password":              {token, []string{"-username", "alice"}, "-username needs DEIS_PASSWORD"},
		"no Controller":            {[]string{"DEIS_PASSWORD=secret"}, []string{"-username", "alice"}, "-username needs -controller"},
		"two targets":              {token, []string{"-username", "alice", "-profile", "x"}, "use only one of"},
		"no profile":               {token, []string{"-profile", "nosuch"}, "nosuch.json"},
		"a bad URL":                {token[1:], []string{"-controller", "ftp://deis.example.com"}, "must begin with https:// or http://"},
		"no authority":             {token, []string{"-ca-file", file(t, "nonsense")}, "it has no PEM certificate"},
		"no such authority":        {token, []string{"-ca-file", "nosuch"}, "open nosuch: no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"-app", "example-go"}, test.args...)
			end := runProgram(t, test.env, args...)
			assert.Equal(t, wrongUsage, end.status)
			assert.Contains(t, end.errOut, test.want)
			assert.NotContains(t, end.errOut, "secret")
			assert.Equal(t, 1, strings.Count(end.errOut, "\n"), end.errOut)
			assert.Empty(t, end.out)

			end = runProgram(t, test.env, append(args, "--json=true")...)
			assert.Equal(t, wrongUsage, end.status)
			last := lastObject(t, end.out)
			assert.Equal(t, "usage", last["reason"])
			assert.Contains(t, last["error"], test.want)
		})
	}
	end := runProgram(t, token)
	assert.Equal(t, wrongUsage, end.status)
	assert.Contains(t, end.errOut, "deis-deploy: -app is required\n")
}

func TestHelpHasEveryFlagExamplesTheEnvironmentAndTheStatuses(t *testing.T) {
	t.Parallel()
	end := runProgram(t, nil, "-h")
	assert.Equal(t, deployed, end.status)
	assert.Empty(t, end.errOut)
	define(new(options), new(raw)).VisitAll(func(f *flag.Flag) {
		assert.Equal(t, 1, strings.Count(end.out, "\n  -"+f.Name+" "), f.Name)
	})
	for _, part := range []string{"Examples:\n", "Environment:\n", "DEIS_PASSWORD", "Exit statuses:\n", "\n  3  failed, and with -rollback", "\n  timeout "} {
		assert.Contains(t, end.out, part)
	}
	for line := range strings.Lines(end.out) {
		assert.LessOrEqual(t, len(line), 130, line)
	}
}

func TestTheExamplesOfTheHelpAreValid(t *testing.T) {
	t.Parallel()
	text := strings.ReplaceAll(helpHead, "\\\n", "")
	text = strings.NewReplacer("Procfile", file(t, "web: a\nworker: b"), "prod.env", file(t, "A=1")).Replace(text)
	examples := 0
	for line := range strings.Lines(text) {
		command, found := strings.CutPrefix(line, "  deis-deploy ")
		if !found {
			continue
		}
		examples++
		command, _, _ = strings.Cut(command, "#")
		command, _, _ = strings.Cut(command, "|")
		_, err := parse(strings.Fields(command))
		assert.NoError(t, err, command)
		if strings.Contains(command, "-embedded") {
			end := runProgram(t, nil, strings.Fields(command)...)
			assert.Equal(t, deployed, end.status, end.errOut)
		}
	}
	assert.Equal(t, 5, examples)
}

func TestTheVersionIsPrinted(t *testing.T) {
	t.Parallel()
	end := runProgram(t, nil, "-version")
	require.Equal(t, deployed, end.status)
	assert.Regexp(t, `^deis-deploy \d+\.\d+\.\d+ \(go1\.\S+, \w+/\w+\)\n$`, end.out)
}
