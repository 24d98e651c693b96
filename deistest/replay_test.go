package deistest_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/internal/lines"
	"github.com/deisgo/deis/version"
)

// An exchange is a line of testdata/recorded-*.jsonl: the response of a real Controller to a request. The lines are in
// the order in which they were recorded. Between them stand the steps that the recordings leave out.
type exchange struct {
	Name    string
	As      string            // who sends the request
	Request string            // method and path
	Header  map[string]string // besides Authorization and the Content-Type of JSON
	Body    string

	Status  int
	Answers map[string]string // headers; Content-Type only if it is not that of JSON
	JSON    any               // the body, or nil
	Text    string            // the body if it is no JSON, or "" if it is too long to be here
	Cut     bool              // the body is a list of which only the first two are here
	Random  string            // a name that the Controller made up

	Except string // why this exchange cannot be reproduced; then there is nothing but Name and Request

	// Steps that the recordings leave out.
	Setup string // a request that must succeed, or get Status
	Times int    // of that, counting %03d up
	New   *struct {
		Registration deistest.Registration
		Admin        string
	}
	Logs *struct {
		App   string
		Lines []string
	}
	Kubernetes *bool // whether the cluster responds from now on
}

// anyValues are exchanges whose responses have the recorded shape but other values.
var anyValues = map[string]string{
	"apps-run-no-trailing-slash-200":                "the recorded scheduler ran nothing and returned what it was asked",
	"apps-run-empty-command-200":                    "the recorded scheduler ran nothing and returned what it was asked",
	"run_command_number":                            "the recorded scheduler knew a command 5",
	"proto-accept-encoding-gzip-not-compressed-200": "API 1.6 has no order",
	"proto-double-slash-root-200":                   "API 1.6 has no order",
	"pagination-apps-page-empty-200":                "API 1.6 has no order",
	"pagination-apps-size-2-200":                    "API 1.6 has no order",
	"pagination-apps-size-zero-200":                 "API 1.6 has no order",
	"pagination-apps-offset-ignored-200":            "API 1.6 has no order",
	"pagination-next-link-follows-host-header-200":  "API 1.6 has no order",
	"pagination-users-size-2-200":                   "users have no order",
	"pagination-keys-default-200":                   "the recorded keys are longer",
	"page_keys_default":                             "the recorded keys are longer",
	"users_list":                                    "users have no order",
	"440_run":                                       "the recorded scheduler ran nothing and responded what it was asked",
	"users_list_limit":                              "users have no order",
	"page_users_limit_2":                            "users have no order",
}

// unreachable are exchanges that no client of this kind can make, and why the Controller does not know them.
var unreachable = map[string]string{
	"auth-login-form-encoded-200":                 formBody,
	"register_form_encoded":                       formBody,
	"login_form_encoded":                          formBody,
	"apps_create_form_encoded":                    formBody,
	"config_form_encoded_500":                     formBody,
	"domain_add_form_encoded_500":                 formBody,
	"accept-text-plain-406":                       acceptsNoJSON,
	"apps-logs-accept-text-plain-406":             acceptsNoJSON,
	"logs_accept_text_plain_406":                  acceptsNoJSON,
	"version-request-header-deis.version-1.6-405": deisVersion,
	"version-mismatch-precedes-auth-405":          deisVersion,
	"version-mismatch-precedes-routing-405":       deisVersion,
	"auth-login-malformed-json-400":               syntaxError,
	"apps-create-malformed-json-400":              syntaxError,
	"domains-add-malformed-json-400":              syntaxError,
	"register_malformed_json_400":                 syntaxError,
	"login_malformed_json_400":                    syntaxError,
	"apps_create_malformed_400":                   syntaxError,
	"app_update_malformed_400":                    syntaxError,
	"config_malformed_400":                        syntaxError,
	"cert_create_malformed_400":                   syntaxError,
}

// The reasons of unreachable.
const (
	formBody      = "not in scope: a body that is a form"
	acceptsNoJSON = "not in scope: a client that does not accept JSON"
	deisVersion   = "not in scope: the request header Deis-Version"
	syntaxError   = "not in scope: the text about a JSON syntax error; its status is tested elsewhere"
)

// TestRecordedExchanges replays what real Controllers were recorded to respond: status, headers and body must be the
// same but for what is random (UUIDs, times, tokens, the names of pods).
func TestRecordedExchanges(t *testing.T) {
	for _, api := range versions {
		t.Run(api.String(), func(t *testing.T) { replayFile(t, api, "recorded-"+api.String()+".jsonl") })
	}
}

// TestRecordedFields replays single fields of all kinds that real Controllers accepted, converted or refused.
func TestRecordedFields(t *testing.T) {
	for _, api := range versions {
		t.Run(api.String(), func(t *testing.T) {
			replayFile(t, api, "recorded-"+api.String()+"-validation.jsonl")
		})
	}
}

// replayFile plays the lines of a file of testdata in order.
func replayFile(t *testing.T, api version.API, file string) {
	r := replay{t: t, api: api, learned: map[string]string{}, certificates: certificates(t)}
	r.certificates["private key"] = privateKey(t)
	r.controller = deistest.New(deistest.WithAPIVersion(api), deistest.WithoutAdmin(),
		deistest.WithNodeLabels(map[string]string{"environ": "dev", "rack": "1"}))
	good, all, exceptions := 0, 0, map[string]int{}
	for line := range lines.Of(t, "testdata/"+file) {
		e := r.decode(string(line))
		e.Except = cmp.Or(e.Except, unreachable[e.Name])
		switch {
		case e.Except != "":
			exceptions[e.Except]++
			t.Logf("not reproduced: %s (%s): %s", e.Name, e.Request, e.Except)
		case e.Name == "":
			r.step(e)
		default:
			all++
			if problem := r.play(string(line)); problem == "" {
				good++
			} else {
				t.Errorf("%s: %s as %q: %s", e.Name, e.Request, e.As, problem)
			}
		}
	}
	t.Logf("%d of %d recorded situations reproduced; not tried: %v", good, all, exceptions)
}

type replay struct {
	t            *testing.T
	api          version.API
	controller   *deistest.Controller
	learned      map[string]string // recorded names of pods and apps, and what they are here
	certificates map[string]string
}

// decode reads an exchange, with the names that things have here. They are replaced in one pass: a name that was made
// up here may be one that was recorded for something else.
func (r *replay) decode(line string) exchange {
	var names []string
	for theirs, mine := range r.learned {
		names = append(names, theirs, mine)
	}
	var e exchange
	require.NoError(r.t, json.Unmarshal([]byte(strings.NewReplacer(names...).Replace(line)), &e), line)
	return e
}

// step does what the recordings leave out.
func (r *replay) step(e exchange) {
	switch {
	case e.New != nil:
		opts := []deistest.Option{deistest.WithAPIVersion(r.api), deistest.WithRegistration(e.New.Registration),
			deistest.WithAdmin(e.New.Admin, "pw"), deistest.WithUser("alice", "pw")}
		r.controller = deistest.New(opts...)
	case e.Kubernetes != nil:
		r.controller.SetKubernetes(*e.Kubernetes)
	case e.Logs != nil:
		require.NoError(r.t, r.controller.ClearLogs(e.Logs.App))
		for _, line := range e.Logs.Lines {
			require.NoError(r.t, r.controller.AddLog(e.Logs.App, line))
		}
	default:
		e.Request = e.Setup
		body := e.Body
		for i := range max(e.Times, 1) {
			if e.Times > 0 {
				e.Body = strings.ReplaceAll(body, "%03d", fmt.Sprintf("%03d", i))
			}
			w := r.send(e)
			assert.True(r.t, w.Code < 300 || w.Code == e.Status, "%s as %s: %d %s", e.Setup, e.As, w.Code, w.Body)
		}
	}
}

// play makes one exchange and says how the response differs.
func (r *replay) play(line string) (problem string) {
	e := r.decode(line)
	w := r.send(e)
	var got any
	json.Unmarshal(w.Body.Bytes(), &got)
	if object, ok := got.(map[string]any); ok && e.Random != "" {
		r.learned[e.Random] = fmt.Sprint(object["id"])
		e = r.decode(line)
	}
	want, _ := json.Marshal(e.JSON)
	mine, theirs := podName.FindAllString(w.Body.String(), -1), podName.FindAllString(string(want), -1)
	for i := range min(len(mine), len(theirs)) {
		r.learned[theirs[i]] = mine[i]
	}
	if w.Code != e.Status {
		return fmt.Sprintf("status %d, want %d: %s", w.Code, e.Status, w.Body)
	}
	if _, other := e.Answers["Content-Type"]; !other {
		e.Answers["Content-Type"] = "application/json"
	}
	for name, value := range e.Answers {
		if got := w.Header().Get(name); normal(got) != normal(value) {
			return fmt.Sprintf("%s %q, want %q", name, got, value)
		}
	}
	if e.JSON == nil {
		if e.Text != "" && normal(e.Text) != normal(w.Body.String()) && anyValues[e.Name] == "" {
			return fmt.Sprintf("%q, want %q", w.Body, e.Text)
		}
		return ""
	}
	return differs(e.JSON, got, "body", anyValues[e.Name] == "", e.Cut)
}

func (r *replay) send(e exchange) *httptest.ResponseRecorder {
	method, path, _ := strings.Cut(e.Request, " ")
	for name, pem := range r.certificates {
		escaped, _ := json.Marshal(pem)
		e.Body = strings.ReplaceAll(e.Body, `"<`+name+`>"`, string(escaped))
	}
	req := httptest.NewRequest(method, "http://host/", strings.NewReader(e.Body))
	u, err := req.URL.Parse("http://host" + path)
	require.NoError(r.t, err)
	req.URL = u
	token := r.controller.TokenOf(e.As)
	if e.As != "" {
		require.NotEmpty(r.t, token, "%s: there is no user %s", e.Name, e.As)
		req.Header.Set("Authorization", "token "+token)
	}
	if e.Body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range e.Header {
		req.Header.Set(k, strings.Replace(v, "TOKEN", token, 1))
	}
	if host := e.Header["Host"]; host != "" {
		req.Host = host
	}
	w := httptest.NewRecorder()
	r.controller.ServeHTTP(w, req)
	return w
}

// What is random, or of another time, in a response.
var (
	podName = regexp.MustCompile(`[a-z-]+-\d{6,}-[0-9a-z]{5}`)
	randoms = []struct {
		pattern *regexp.Regexp
		instead string
	}{
		{regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`), "UUID"},
		{regexp.MustCompile(`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?`), "TIME$1"},
		{regexp.MustCompile(`TIME\.\d{6}`), "TIME.MICROSECONDS"},
		{regexp.MustCompile(`^[0-9a-f]{40}$`), "TOKEN"},
		{podName, "POD"},
		{regexp.MustCompile(`-[0-9a-f]{7} `), "-HASH "},
		{regexp.MustCompile(` [0-9a-f]{7} which failed`), " HASH which failed"},
		{regexp.MustCompile(`([-\[.]run[-.])[0-9a-z]{5}`), "${1}POD"},
		{regexp.MustCompile(`https?://(127.0.0.1:\d+|host)/`), "URL/"},
	}
)

// normal replaces what is random. The names in a list are sorted: Python's dictionaries have no order.
func normal(s string) string {
	for _, r := range randoms {
		s = r.pattern.ReplaceAllString(s, r.instead)
	}
	words := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' })
	if strings.Contains(s, ", ") {
		slices.Sort(words)
		return strings.Join(words, " ")
	}
	return s
}

// unordered are the lists that are sets in Python.
var unordered = regexp.MustCompile(`^body\.(users|addresses|whitelist)$`)

// inOrder sorts a list of texts.
func inOrder(list []any) []any {
	return slices.SortedFunc(slices.Values(list), func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
}

// differs compares JSON: the keys and types of everything, and values too unless they are not to be looked at. Of a
// list that is cut, only the beginning is there to compare.
func differs(want, got any, where string, values, cut bool) string {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !values && strings.HasSuffix(where, ".structure") {
			return ""
		}
		theirs, mine := slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))
		if !ok || !slices.Equal(theirs, mine) {
			return fmt.Sprintf("%s has the keys %v, want %v", where, mine, theirs)
		}
		for k := range want {
			if d := differs(want[k], got[k], where+"."+k, values, cut); d != "" {
				return d
			}
		}
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) < len(want) || len(got) > len(want) && !cut {
			return fmt.Sprintf("%s has %d items, want %d", where, len(got), len(want))
		}
		if unordered.MatchString(where) {
			want, got = inOrder(want), inOrder(got)
		}
		for i := range want {
			if d := differs(want[i], got[i], fmt.Sprintf("%s[%d]", where, i), values, false); d != "" {
				return d
			}
		}
	case string:
		got, ok := got.(string)
		if !ok || values && normal(want) != normal(got) {
			return fmt.Sprintf("%s is %q, want %q", where, got, want)
		}
	default:
		if fmt.Sprintf("%T", want) != fmt.Sprintf("%T", got) || values && want != got {
			return fmt.Sprintf("%s is %v, want %v", where, got, want)
		}
	}
	return ""
}

// certificates are those that recorded requests name as "<common name>".
func certificates(t *testing.T) map[string]string {
	data, err := os.ReadFile("testdata/certificates.json")
	lines.SkipOutsideTheRepository(t, err)
	require.NoError(t, err)
	var list map[string]string
	require.NoError(t, json.Unmarshal(data, &list))
	return list
}

func TestReplayReplacesANameOnce(t *testing.T) {
	r := replay{t: t, learned: map[string]string{"classy-mainsail": "zaftig-buttress", "zaftig-buttress": "velvet-countess",
		"velvet-countess": "gilded-penguins", "gilded-penguins": "classy-mainsail"}}
	assert.Equal(t, "GET /v1/apps/zaftig-buttress/", r.decode(`{"request":"GET /v1/apps/classy-mainsail/"}`).Request)
}
