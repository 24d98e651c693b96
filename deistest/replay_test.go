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

// An exchange is a line of testdata/recorded-*.jsonl: a request and the response of a real Controller. The lines are in
// the order in which they were recorded. Lines without a name are steps that the recordings leave out.
type exchange struct {
	Name    string
	As      string            // who sends the request
	Request string            // method and path
	Header  map[string]string // besides Authorization and the Content-Type of JSON
	Body    string

	Status     int
	RespHeader map[string]string `json:"answers"` // Content-Type only if it is not that of JSON
	JSON       any               // the body, or nil
	Text       string            // the body if it is not JSON, or "" if it is too long to be recorded here
	Cut        bool              // the body is a list of which only the first two items are here
	Random     string            // a name that the Controller made up

	Except string // why this exchange cannot be reproduced; then there are only Name and Request

	// Steps that the recordings leave out.
	Setup string // a request that must succeed, or get Status
	Times int    // how often to send it, with %03d replaced by 0, 1, …
	New   *struct {
		Registration deistest.Registration
		Admin        string
	}
	Logs *struct {
		App   string
		Lines []string
	}
	Kubernetes *bool // whether there is a cluster from now on
}

// anyValues has the exchanges whose responses have the recorded shape but other values, with the reason.
var anyValues = map[string]string{
	"apps-run-no-trailing-slash-200":                "the recorded scheduler ran nothing and returned the command",
	"apps-run-empty-command-200":                    "the recorded scheduler ran nothing and returned the command",
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
	"440_run":                                       "the recorded scheduler ran nothing and returned the command",
	"users_list_limit":                              "users have no order",
	"page_users_limit_2":                            "users have no order",
}

// unreachable has the exchanges that deistest does not reproduce because no API client needs them, with the reason.
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
	formBody      = "not in scope: form bodies"
	acceptsNoJSON = "not in scope: clients that do not accept JSON"
	deisVersion   = "not in scope: the request header Deis-Version"
	syntaxError   = "not in scope: the position of a JSON syntax error; the status is tested elsewhere"
)

// TestRecordedExchanges replays exchanges recorded from real Controllers: status, headers and body must be the same
// except for random parts (UUIDs, times, tokens, the names of pods).
func TestRecordedExchanges(t *testing.T) {
	for _, api := range versions {
		t.Run(api.String(), func(t *testing.T) { replayFile(t, api, "recorded-"+api.String()+".jsonl") })
	}
}

// TestRecordedFields replays exchanges in which real Controllers accepted, converted or refused single fields.
func TestRecordedFields(t *testing.T) {
	for _, api := range versions {
		t.Run(api.String(), func(t *testing.T) {
			replayFile(t, api, "recorded-"+api.String()+"-validation.jsonl")
		})
	}
}

// replayFile replays the lines of a file in testdata in order.
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
	t.Logf("%d of %d recorded exchanges reproduced; left out: %v", good, all, exceptions)
}

type replay struct {
	t            *testing.T
	api          version.API
	controller   *deistest.Controller
	learned      map[string]string // the recorded names of pods and apps, and the names here
	certificates map[string]string
}

// decode reads an exchange and replaces the recorded names by the names here. It does so in one pass, because a name that
// was made up here can also be a recorded name of something else.
func (r *replay) decode(line string) exchange {
	var names []string
	for recorded, here := range r.learned {
		names = append(names, recorded, here)
	}
	var e exchange
	require.NoError(r.t, json.Unmarshal([]byte(strings.NewReplacer(names...).Replace(line)), &e), line)
	return e
}

// step carries out a step that the recordings leave out.
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

// play sends the request of an exchange and returns how the response differs, "" if it does not.
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
	here, recorded := podName.FindAllString(w.Body.String(), -1), podName.FindAllString(string(want), -1)
	for i := range min(len(here), len(recorded)) {
		r.learned[recorded[i]] = here[i]
	}
	if w.Code != e.Status {
		return fmt.Sprintf("status %d, want %d: %s", w.Code, e.Status, w.Body)
	}
	if _, other := e.RespHeader["Content-Type"]; !other {
		e.RespHeader["Content-Type"] = "application/json"
	}
	for name, value := range e.RespHeader {
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
	return difference(e.JSON, got, "body", anyValues[e.Name] == "", e.Cut)
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
		require.NotEmpty(r.t, token, "%s: no user %s", e.Name, e.As)
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

// The parts of a response that are random or depend on the time.
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

// normal replaces random parts of a text and sorts the names in a list, because Python's dictionaries have no order.
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

// unordered matches the lists that are sets in Python.
var unordered = regexp.MustCompile(`^body\.(users|addresses|whitelist)$`)

// sorted returns a sorted list of texts.
func sorted(list []any) []any {
	return slices.SortedFunc(slices.Values(list), func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
}

// difference compares JSON by keys and types and, if values is true, by values. It returns the first difference, or "".
// If the wanted list is cut, only its beginning is compared.
func difference(want, got any, where string, values, cut bool) string {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !values && strings.HasSuffix(where, ".structure") {
			return ""
		}
		wantKeys, gotKeys := slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))
		if !ok || !slices.Equal(wantKeys, gotKeys) {
			return fmt.Sprintf("%s has the keys %v, want %v", where, gotKeys, wantKeys)
		}
		for k := range want {
			if d := difference(want[k], got[k], where+"."+k, values, cut); d != "" {
				return d
			}
		}
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) < len(want) || len(got) > len(want) && !cut {
			return fmt.Sprintf("%s has %d items, want %d", where, len(got), len(want))
		}
		if unordered.MatchString(where) {
			want, got = sorted(want), sorted(got)
		}
		for i := range want {
			if d := difference(want[i], got[i], fmt.Sprintf("%s[%d]", where, i), values, false); d != "" {
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

// certificates returns the certificates that recorded requests name as "<common name>".
func certificates(t *testing.T) map[string]string {
	data, err := os.ReadFile("testdata/certificates.json")
	lines.SkipOutsideTheRepository(t, err)
	require.NoError(t, err)
	var list map[string]string
	require.NoError(t, json.Unmarshal(data, &list))
	return list
}

func TestReplayReplacesEachNameOnce(t *testing.T) {
	r := replay{t: t, learned: map[string]string{"classy-mainsail": "zaftig-buttress", "zaftig-buttress": "velvet-countess",
		"velvet-countess": "gilded-penguins", "gilded-penguins": "classy-mainsail"}}
	assert.Equal(t, "GET /v1/apps/zaftig-buttress/", r.decode(`{"request":"GET /v1/apps/classy-mainsail/"}`).Request)
}
