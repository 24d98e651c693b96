package test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/auth"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/certs"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/internal/lines"
	"github.com/deisgo/deis/keys"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/services"
	"github.com/deisgo/deis/settings"
	"github.com/deisgo/deis/version"
)

// A recording is a request to a real Controller and the response. Most are deistest's; it cannot reproduce those in
// testdata/recorded-faults.jsonl.
type recording struct {
	Name, API string
	Request   string // method and path
	Body      string
	Status    int
	Headers   map[string]string `json:"answers"`
	JSON      json.RawMessage   // the body of the response
	Text      string            // the body of the response, if it is not JSON
}

func readRecordings(t *testing.T) []recording {
	t.Helper()
	var all []recording
	for _, path := range []string{
		"../deistest/testdata/recorded-1.6.jsonl", "../deistest/testdata/recorded-2.2.jsonl", "../deistest/testdata/recorded-2.3.jsonl",
		"testdata/recorded-faults.jsonl",
	} {
		for line := range lines.Of(t, path) {
			r := recording{API: strings.TrimSuffix(strings.TrimPrefix(path, "../deistest/testdata/recorded-"), ".jsonl")}
			require.NoError(t, json.Unmarshal(line, &r))
			if r.Status != 0 && r.Name != "" { // the others only prepare for one
				all = append(all, r)
			}
		}
	}
	return all
}

// A sender makes the SDK's call for a method and path, with arguments from the path, the query and the body of a recorded
// request.
type sender struct {
	pattern string // method and path below the version; {…} is one element
	call    func(context.Context, *deis.Client, arguments) (any, error)
}

// arguments are taken from a recorded request.
type arguments struct {
	path  []string
	query url.Values
	body  map[string]any
}

func (a arguments) text(key string) string {
	s, _ := a.body[key].(string)
	return s
}

func (a arguments) list(key string) (texts []string) {
	list, _ := a.body[key].([]any)
	for _, v := range list {
		if s, ok := v.(string); ok {
			texts = append(texts, s)
		}
	}
	return texts
}

func (a arguments) page() deis.ListOptions {
	var o deis.ListOptions
	for _, key := range []string{"limit", "page_size"} {
		if n, err := strconv.Atoi(a.query.Get(key)); err == nil {
			o.PageSize = n
		}
	}
	if n, err := strconv.Atoi(a.query.Get("page")); err == nil {
		o.Page = n
	}
	if n, err := strconv.Atoi(a.query.Get("offset")); err == nil && o.PageSize > 0 && n%o.PageSize == 0 {
		o.Page = 1 + n/o.PageSize
	}
	return o
}

// texts returns an object in the body as a map of texts and nulls.
func (a arguments) texts(key string) map[string]*string {
	object, _ := a.body[key].(map[string]any)
	var all map[string]*string
	for key, value := range object {
		if all == nil {
			all = make(map[string]*string)
		}
		if s, ok := value.(string); ok {
			all[key] = &s
		} else {
			all[key] = nil
		}
	}
	return all
}

func noResult(err error) (any, error) { return nil, err }

var senders = []sender{
	{"POST auth/register", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return c.Auth.Register(ctx, auth.RegisterParams{
			Username: a.text("username"), Password: a.text("password"), Email: a.text("email"),
			FirstName: a.text("first_name"), LastName: a.text("last_name"),
		})
	}},
	{"POST auth/login", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		token, err := c.Auth.Login(ctx, a.text("username"), a.text("password"))
		return map[string]string{"token": token}, err
	}},
	{"GET auth/whoami", func(ctx context.Context, c *deis.Client, _ arguments) (any, error) { return c.Auth.Whoami(ctx) }},
	{"POST auth/passwd", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return noResult(c.Auth.ChangePassword(ctx, auth.PasswordParams{
			Password: a.text("password"), NewPassword: a.text("new_password"), Username: a.text("username"),
		}))
	}},
	{"POST auth/tokens", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		token, err := c.Auth.RegenerateToken(ctx, auth.TokenParams{Username: a.text("username"), All: a.body["all"] != nil})
		if a.body["all"] != nil {
			return token, err
		}
		return map[string]string{"token": token}, err
	}},
	{"DELETE auth/cancel", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return noResult(c.Auth.Cancel(ctx, auth.CancelParams{Username: a.text("username")}))
	}},
	{"GET apps", func(ctx context.Context, c *deis.Client, a arguments) (any, error) { return c.Apps.List(ctx, a.page()) }},
	{"POST apps", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return c.Apps.Create(ctx, apps.CreateParams{ID: a.text("id")})
	}},
	{"GET apps/{app}", func(ctx context.Context, c *deis.Client, a arguments) (any, error) { return c.Apps.Get(ctx, a.path[0]) }},
	{"POST apps/{app}", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return noResult(c.Apps.Update(ctx, a.path[0], apps.UpdateParams{Owner: a.text("owner")}))
	}},
	{"DELETE apps/{app}", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return noResult(c.Apps.Delete(ctx, a.path[0]))
	}},
	{"GET apps/{app}/logs", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		lines, _ := strconv.Atoi(a.query.Get("log_lines"))
		return c.Apps.Logs(ctx, a.path[0], apps.LogOptions{Lines: lines})
	}},
	{"POST apps/{app}/run", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return c.Apps.Run(ctx, a.path[0], a.text("command"))
	}},
	{"GET apps/{app}/builds", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return c.Builds.List(ctx, a.path[0], a.page())
	}},
	{"POST apps/{app}/builds", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		params := builds.CreateParams{Image: a.text("image"), SHA: a.text("sha"), Dockerfile: a.text("dockerfile")}
		if object, ok := a.body["procfile"].(map[string]any); ok {
			params.Procfile = make(map[string]string)
			for procType, command := range object {
				params.Procfile[procType], _ = command.(string)
			}
		}
		return c.Builds.Create(ctx, a.path[0], params)
	}},
	{"GET apps/{app}/builds/{uuid}", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return c.Builds.Get(ctx, a.path[0], a.path[1])
	}},
	{"GET apps/{app}/config", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return c.Config.Get(ctx, a.path[0])
	}},
	{"POST apps/{app}/config", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		changes := config.Changes{Values: a.texts("values"), Memory: a.texts("memory"), CPU: a.texts("cpu"), Tags: a.texts("tags"),
			Registry: a.texts("registry"), LifecyclePostStart: a.texts("lifecycle_post_start"), LifecyclePreStop: a.texts("lifecycle_pre_stop"),
			TerminationGracePeriod: a.texts("termination_grace_period")}
		if raw, err := json.Marshal(a.body["healthcheck"]); err == nil {
			_ = json.Unmarshal(raw, &changes.Healthcheck) // a recording that does not fit is not sent, and is skipped
		}
		return c.Config.Set(ctx, a.path[0], changes)
	}},
	{"GET apps/{app}/containers", listOf("")},
	{"GET apps/{app}/containers/{type}", listOf("type")},
	{"GET apps/{app}/pods", listOf("")},
	{"GET apps/{app}/pods/{type}", listOf("type")},
	{"POST apps/{app}/containers/restart", restartOf(0)},
	{"POST apps/{app}/containers/{type}/restart", restartOf(1)},
	{"POST apps/{app}/containers/{type}/{num}/restart", restartOf(2)},
	{"POST apps/{app}/pods/restart", restartOf(0)},
	{"POST apps/{app}/pods/{type}/restart", restartOf(1)},
	{"POST apps/{app}/pods/{type}/{name}/restart", restartOf(2)},
	{"POST apps/{app}/scale", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		structure := make(map[string]int)
		for procType, number := range a.body {
			if n, ok := number.(float64); ok {
				structure[procType] = int(n)
			}
		}
		return noResult(c.Pods.Scale(ctx, a.path[0], structure))
	}},
	{"GET apps/{app}/releases", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return c.Releases.List(ctx, a.path[0], a.page())
	}},
	{"GET apps/{app}/releases/{version}", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		number, _ := strconv.Atoi(strings.TrimPrefix(a.path[1], "v"))
		return c.Releases.Get(ctx, a.path[0], number)
	}},
	{"POST apps/{app}/releases/rollback", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		number, _ := a.body["version"].(float64)
		release, err := c.Releases.Rollback(ctx, a.path[0], int(number))
		return map[string]int{"version": release}, err
	}},
	{"GET apps/{app}/domains", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return c.Domains.List(ctx, a.path[0], a.page())
	}},
	{"POST apps/{app}/domains", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return c.Domains.Create(ctx, a.path[0], a.text("domain"))
	}},
	{"DELETE apps/{app}/domains/{domain}", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return noResult(c.Domains.Delete(ctx, a.path[0], a.path[1]))
	}},
	{"GET apps/{app}/perms", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		names, err := c.Perms.List(ctx, a.path[0])
		return map[string][]string{"users": names}, err
	}},
	{"POST apps/{app}/perms", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return noResult(c.Perms.Grant(ctx, a.path[0], a.text("username")))
	}},
	{"DELETE apps/{app}/perms/{username}", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return noResult(c.Perms.Revoke(ctx, a.path[0], a.path[1]))
	}},
	{"GET admin/perms", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return c.Perms.Admins(ctx, a.page())
	}},
	{"POST admin/perms", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return noResult(c.Perms.GrantAdmin(ctx, a.text("username")))
	}},
	{"DELETE admin/perms/{username}", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return noResult(c.Perms.RevokeAdmin(ctx, a.path[0]))
	}},
	{"GET certs", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return c.Certs.List(ctx, a.page())
	}},
	{"POST certs", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return c.Certs.Create(ctx, certs.CreateParams{
			Name: a.text("name") + a.text("common_name"), Certificate: a.text("certificate"), Key: a.text("key"),
		})
	}},
	{"GET certs/{name}", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return c.Certs.Get(ctx, a.path[0])
	}},
	{"DELETE certs/{name}", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return noResult(c.Certs.Delete(ctx, a.path[0]))
	}},
	{"POST certs/{name}/domain", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return noResult(c.Certs.Attach(ctx, a.path[0], a.text("domain")))
	}},
	{"DELETE certs/{name}/domain/{domain}", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return noResult(c.Certs.Detach(ctx, a.path[0], a.path[1]))
	}},
	{"GET keys", func(ctx context.Context, c *deis.Client, a arguments) (any, error) { return c.Keys.List(ctx, a.page()) }},
	{"POST keys", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return c.Keys.Create(ctx, keys.CreateParams{ID: a.text("id"), Public: a.text("public")})
	}},
	{"GET keys/{id}", func(ctx context.Context, c *deis.Client, a arguments) (any, error) { return c.Keys.Get(ctx, a.path[0]) }},
	{"DELETE keys/{id}", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return noResult(c.Keys.Delete(ctx, a.path[0]))
	}},
	{"GET apps/{app}/settings", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return c.Settings.Get(ctx, a.path[0])
	}},
	{"POST apps/{app}/settings", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		var changes settings.Changes
		if raw, err := json.Marshal(a.body); err == nil {
			_ = json.Unmarshal(raw, &changes) // a recording that does not fit is not sent, and is skipped
		}
		return c.Settings.Set(ctx, a.path[0], changes)
	}},
	{"GET apps/{app}/whitelist", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		addresses, err := c.Settings.Whitelist(ctx, a.path[0])
		return map[string][]string{"addresses": addresses}, err
	}},
	{"POST apps/{app}/whitelist", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return noResult(c.Settings.Allow(ctx, a.path[0], a.list("addresses")))
	}},
	{"DELETE apps/{app}/whitelist", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return noResult(c.Settings.Disallow(ctx, a.path[0], a.list("addresses")))
	}},
	{"GET apps/{app}/tls", func(ctx context.Context, c *deis.Client, a arguments) (any, error) { return c.TLS.Get(ctx, a.path[0]) }},
	{"POST apps/{app}/tls", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		enforced, _ := a.body["https_enforced"].(bool)
		return c.TLS.Enforce(ctx, a.path[0], enforced)
	}},
	{"GET apps/{app}/services", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		routes, err := c.Services.List(ctx, a.path[0])
		return map[string][]services.Route{"services": routes}, err
	}},
	{"POST apps/{app}/services", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return noResult(c.Services.Create(ctx, a.path[0],
			services.CreateParams{ProcfileType: a.text("procfile_type"), PathPattern: a.text("path_pattern")}))
	}},
	{"DELETE apps/{app}/services", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return noResult(c.Services.Delete(ctx, a.path[0], a.text("procfile_type")))
	}},
	{"GET users", func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		return c.Users.List(ctx, a.page())
	}},
}

func listOf(procType string) func(context.Context, *deis.Client, arguments) (any, error) {
	return func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		o := pods.ListOptions{PageSize: a.page().PageSize, Page: a.page().Page}
		if procType != "" {
			o.Type = a.path[1]
		}
		return c.Pods.List(ctx, a.path[0], o)
	}
}

// restartOf restarts all pods (0), those of a type (1), or one pod of a type (2).
func restartOf(named int) func(context.Context, *deis.Client, arguments) (any, error) {
	return func(ctx context.Context, c *deis.Client, a arguments) (any, error) {
		var o pods.RestartOptions
		if named > 0 {
			o.Type = a.path[1]
		}
		if named > 1 {
			o.Name = a.path[2]
		}
		return c.Pods.Restart(ctx, a.path[0], o)
	}
}

var anyElement = regexp.MustCompile(`\\\{[a-z]+\\\}`)

// matcher returns a pattern that matches the sender's requests and captures the elements of their paths.
func (s sender) matcher() *regexp.Regexp {
	return regexp.MustCompile("^" + anyElement.ReplaceAllString(regexp.QuoteMeta(s.pattern), `([^/]+)`) + "/?$")
}

var errNotSent = errors.New("the SDK sends something else")

func TestEveryRecordedResponseIsRead(t *testing.T) {
	counts := map[string]int{}
	var matchers []*regexp.Regexp
	for _, s := range senders {
		matchers = append(matchers, s.matcher())
	}
	for _, r := range readRecordings(t) {
		method, target, _ := strings.Cut(r.Request, " ")
		u, err := url.ParseRequestURI(target)
		require.NoError(t, err)
		below, ok := strings.CutPrefix(u.EscapedPath(), "/v"+r.API[:1]+"/")
		if !ok {
			continue
		}
		for i, s := range senders {
			elems := matchers[i].FindStringSubmatch(method + " " + below)
			if elems == nil {
				continue
			}
			elems = elems[1:]
			for i := range elems {
				elems[i], err = url.PathUnescape(elems[i])
				require.NoError(t, err)
			}
			body := map[string]any{}
			if r.Body != "" && json.Unmarshal([]byte(r.Body), &body) != nil {
				break // the SDK sends only objects
			}
			sent := false
			args := arguments{elems, u.Query(), body}
			got, err := s.call(t.Context(), r.client(t, method, u, args, &sent), args)
			if !sent {
				break
			}
			t.Run(r.API+" "+r.Name, func(t *testing.T) { r.check(t, args, got, err) })
			if r.Status < 300 {
				counts[r.API+" successes"]++
			} else {
				counts[r.API+" errors"]++
			}
		}
	}
	t.Logf("recorded exchanges that the SDK could have made, and read: %v", counts)
	for what, atLeast := range map[string]int{
		"1.6 successes": 100, "1.6 errors": 90, "2.2 successes": 100, "2.2 errors": 110, "2.3 successes": 280, "2.3 errors": 230,
	} {
		assert.GreaterOrEqual(t, counts[what], atLeast, what)
	}
}

// client makes a client for a Controller that gives the recorded response, and sets sent when the SDK sends the recorded
// request. The trailing slash may differ, and so may the query, because its parameters depend on the version.
func (r recording) client(t *testing.T, method string, u *url.URL, a arguments, sent *bool) *deis.Client {
	transport := httpmock.NewMockTransport()
	transport.RegisterNoResponder(func(req *http.Request) (*http.Response, error) {
		trim := func(u *url.URL) string { // the SDK does not escape an @
			return strings.ReplaceAll(strings.TrimSuffix(u.EscapedPath(), "/"), "%40", "@")
		}
		var resp *http.Response
		switch {
		case req.Method == method && trim(req.URL) == trim(u) && sameBody(req, a.body):
			*sent = true
			resp = httpmock.NewBytesResponse(r.Status, []byte(r.responseBody()))
			resp.Header.Set("Content-Type", "application/json")
			for key, value := range r.Headers {
				resp.Header.Set(key, value)
			}
		case req.Method == http.MethodGet && method != http.MethodGet:
			resp = httpmock.NewStringResponse(http.StatusOK, a.preparatory(req.URL.Path, *sent))
		default:
			return nil, errNotSent
		}
		resp.Header.Set(version.Header, r.API)
		return resp, nil
	})
	pinned, err := version.Parse(r.API)
	require.NoError(t, err)
	client, err := deis.New("https://deis.example.com", deis.WithToken("abc123"), deis.WithTransport(transport),
		deis.WithAPIVersion(pinned), deis.WithRetry(deis.RetryPolicy{}))
	require.NoError(t, err)
	return client
}

func sameBody(req *http.Request, want map[string]any) bool {
	got := map[string]any{}
	if req.Body != nil {
		raw, err := io.ReadAll(req.Body)
		if err != nil || len(raw) > 0 && json.Unmarshal(raw, &got) != nil {
			return false
		}
	}
	return reflect.DeepEqual(got, want)
}

// preparatory returns the response to a GET that a call makes before or after its write, such that it does write.
func (a arguments) preparatory(path string, acted bool) string {
	last := ""
	if len(a.path) > 0 {
		last = a.path[len(a.path)-1]
	}
	switch elems := strings.Split(strings.Trim(path, "/"), "/"); elems[len(elems)-1] {
	case "pods":
		procType := ""
		if len(a.path) > 1 {
			procType = a.path[1]
		}
		return fmt.Sprintf(`{"results": [{"name": %q, "type": %q}]}`, last, procType)
	case "perms":
		if acted {
			return `{"users": [], "results": []}`
		}
		return fmt.Sprintf(`{"users": [%q], "results": [{"username": %[1]q}]}`, last)
	case "services":
		return `{"services": []}`
	}
	return fmt.Sprintf(`{"id": %q, "app": %[1]q, "uuid": "u"}`, a.path[0])
}

func (r recording) responseBody() string { return r.Text + string(r.JSON) }

// check compares the result of a call with the recorded response.
func (r recording) check(t *testing.T, a arguments, got any, err error) {
	if r.Status == http.StatusConflict && a.body["lifecycle_pre_stop"] != nil { // "changed nothing", because it did not store that
		assert.ErrorIs(t, err, errors.ErrUnsupported)
		return
	}
	if r.Status >= 300 {
		r.assertError(t, err)
		return
	}
	if r.responseBody() == "[]" {
		assert.ErrorIs(t, err, pods.ErrNothingRestarted)
		return
	}
	if _, isBuild := got.(*builds.Build); isBuild && len(a.path) > 1 && !strings.Contains(r.responseBody(), `"uuid":"`+a.path[1]) {
		assert.ErrorIs(t, err, builds.ErrNotLatest)
		return
	}
	require.NoError(t, err)
	log, isText := got.(string)
	switch {
	case got == nil:
	case isText && strings.Contains(r.Request, "/logs") && r.API == "2.3":
		assert.Equal(t, r.responseBody(), log)
	case isText && strings.Contains(r.Request, "/logs"):
		assert.NotRegexp(t, `^(b['"]|")|\\x`, log)
		assert.Equal(t, strings.Count(r.responseBody(), `\n`), strings.Count(log, "\n"))
	default:
		r.assertSame(t, got)
	}
}

// assertSame asserts that a result has the content of the response: no field is lost, none invented.
func (r recording) assertSame(t *testing.T, got any) {
	var said, read any
	require.NoError(t, json.Unmarshal([]byte(r.responseBody()), &said))
	raw, err := json.Marshal(got)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &read))
	if list, ok := said.(map[string]any); ok && list["results"] != nil { // a deis.Page
		assert.Equal(t, list["next"] != nil, got.(interface{ HasNext() bool }).HasNext())
		said = map[string]any{"Items": list["results"], "Count": list["count"]}
	}
	if pair, ok := said.([]any); ok && regexp.MustCompile(`/run/?$`).MatchString(r.Request) {
		said = map[string]any{"exit_code": pair[0], "output": pair[1]}
	}
	assert.Equal(t, normalized(said, ""), withoutZeros(read))
}

var recordedTime = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?)(UTC|Z)?$`)

// normalized converts a recorded value to the form that results of the SDK have: times with a Z, CPU shares as text, a new
// certificate's fingerprint without Python's b'…', and a name for what v1.6 names differently. Zero values are omitted.
func normalized(value any, key string) any {
	switch value := value.(type) {
	case string:
		if key == "fingerprint" {
			return strings.TrimSuffix(strings.TrimPrefix(value, "b'"), "'")
		}
		if when := recordedTime.FindStringSubmatch(value); when != nil {
			parsed, err := time.Parse("2006-01-02T15:04:05", when[1])
			if err == nil {
				return parsed.Format(time.RFC3339Nano)
			}
		}
		return value
	case float64:
		if key == "cpu" || key == "label" || key == "procfile_structure" { // of a process type, see below
			return strconv.FormatFloat(value, 'f', -1, 64)
		}
	case []any:
		var list []any
		for _, v := range value {
			list = append(list, normalized(v, key))
		}
		return list
	case map[string]any:
		object := make(map[string]any)
		for k, v := range value {
			if _, isObject := v.(map[string]any); k == "procfile" && !isObject {
				continue // what another program sent, and the SDK leaves empty
			}
			if _, isNumber := v.(float64); key == "structure" && !isNumber {
				continue // likewise
			}
			below := k
			if key == "cpu" || key == "label" || key == "procfile_structure" {
				below = key
			}
			object[k] = normalized(v, below)
		}
		if num, ok := value["num"].(float64); ok { // a container
			object["name"] = value["type"].(string) + "." + strconv.Itoa(int(num))
		}
		if value["common_name"] != nil && value["name"] == nil { // a certificate of v1.6
			object["name"] = value["common_name"]
		}
		return withoutZeros(object)
	}
	return value
}

// withoutZeros omits zero values, which a result cannot tell from absent ones.
func withoutZeros(value any) any {
	switch value := value.(type) {
	case []any:
		var list []any
		for _, v := range value {
			list = append(list, withoutZeros(v))
		}
		return list
	case map[string]any:
		object := make(map[string]any)
		for k, v := range value {
			v = withoutZeros(v)
			if isZero := v == nil || reflect.ValueOf(v).IsZero() || reflect.ValueOf(v).Kind() == reflect.Map && reflect.ValueOf(v).Len() == 0; !isZero {
				object[k] = v
			}
		}
		return object
	}
	return value
}

// assertError asserts that an error is the right one, with a message that a person can act on.
func (r recording) assertError(t *testing.T, err error) {
	var failed *deis.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, r.Status, failed.StatusCode)
	assert.Equal(t, strings.TrimSpace(r.responseBody()), string(bytes.TrimSpace(failed.Body)))
	assert.NotContains(t, err.Error(), "\n")
	assert.Contains(t, err.Error(), strconv.Itoa(r.Status)+" "+http.StatusText(r.Status))
	if sentinel, known := map[int]error{
		400: deis.ErrBadRequest, 401: deis.ErrUnauthorized, 403: deis.ErrForbidden, 404: deis.ErrNotFound,
		405: deis.ErrMethodNotAllowed, 409: deis.ErrConflict, 422: deis.ErrUnprocessable, 500: deis.ErrServer, 503: deis.ErrUnavailable,
	}[r.Status]; known { // 406 and 415 have no sentinel
		assert.ErrorIs(t, err, sentinel)
	}

	// The message contains every text of the response.
	var said any
	switch {
	case !json.Valid([]byte(r.responseBody())):
		words := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(r.Text, " ")
		for _, word := range strings.Fields(words)[:2] { // "Server Error (500)"
			assert.Contains(t, err.Error(), word)
		}
	case assert.NoError(t, json.Unmarshal([]byte(r.responseBody()), &said)):
		for _, text := range leaves(said) {
			assert.Contains(t, strings.Join(strings.Fields(err.Error()), " "), strings.Join(strings.Fields(text), " "))
		}
	}
}

// leaves returns the texts in a JSON value.
func leaves(value any) []string {
	var all []string
	switch value := value.(type) {
	case string:
		all = append(all, value)
	case []any:
		for _, v := range value {
			all = append(all, leaves(v)...)
		}
	case map[string]any:
		for _, v := range value {
			all = append(all, leaves(v)...)
		}
	}
	return all
}
