// Package deistest provides a Deis Controller in memory, for tests of programs that talk to one.
//
//	server := deistest.Start(t, deistest.WithApp("example-go", ""))
//	client, err := deis.New(server.URL, deis.WithToken(server.Token))
//
// [Start] starts one on a loopback address and closes it when the test ends; [NewServer] starts one for the caller to
// close. [New] returns the http.Handler alone. Its Transport needs no network, and in a synctest bubble delays take no
// time.
//
// It speaks API 1.6, 2.2 and 2.3 and keeps state: users and their tokens, apps with their builds, configurations,
// releases, pods, domains, settings and logs, certificates, keys. Its responses are those recorded from real
// Controllers, down to the text of each error. Its rules are those of Deis v1.10.1 (API 1.6), Workflow v2.4.2 (2.2),
// and Hephy Workflow v2.22.0 (2.3) or, with [WithEarly23], Workflow v2.5. It shares no type with the SDK, so that a
// mistake in a shared type cannot go unnoticed.
//
// # What is faithful
//
//   - What a client may write: for each field, what is accepted, what it is converted to, and the status and text of each
//     refusal, in the order of the checks. These rules were read from the source of the servers named above and tried on
//     running ones. The files *_validate.go are tables with a column for each version, and their tests check some 1,500
//     inputs.
//   - What a request leaves behind, even if it fails, as seen on live servers: releases, pods, counts, incomplete apps.
//     The tests replay some 1,700 recorded exchanges in the order in which they were made.
//   - Permissions, pages, headers, and the format of times and errors.
//
// # What differs from a real Controller
//
//   - Paths are matched as a whole. A real Controller before Workflow v2.7 matches only the beginning of a path, so that
//     DELETE /v2/apps/web/typo destroys the app; here the response is 404, as for every other unknown path.
//   - Nothing takes time without [WithLatency], [WithStartDelay] or [WithDeployDelay].
//   - What no API client needs is missing: form bodies, OPTIONS descriptions, CORS, build hooks, and the position of a
//     JSON syntax error.
//   - Of several bad keys in one field of a configuration, the first by name is reported; real Controllers report any of
//     them.
//   - International host names are checked by ranges of characters instead of the tables of IDNA 2008. The result differs
//     for some hundred rare characters, and mixed writing directions are not detected.
//   - The parts in brackets of error texts about certificates and keys are OpenSSL's. They are the same in common cases
//     only.
//   - The processes of apps are not run: health checks never fail, and in API 1.6 their variables need not be numbers.
//
// # Things that go wrong
//
// [WithFault] and [Controller.AddFault] make requests fail on their way; [Controller.SetKubernetes] takes the cluster
// away; [WithLostUpdates] lets concurrent changes collide. These are refused as well, as recorded schedulers and
// registries refused them:
//
//   - an image named nonexistent or missing, such as "deis/nonexistent:1", is not in the registry;
//   - an image in "denied/", such as "denied/app:1", may not be pulled (API 2.2 and newer);
//   - an image with the tag k8s-fail, and a configuration with the variable K8S_FAIL, cannot be deployed. The last of the
//     app's process types fails, or the one that the tag ("k8s-fail-worker") or the variable names;
//   - an image named noport, such as "acme/noport:1", exposes no port (API 2.2 and newer);
//   - more than 98 pods of a process type cannot be scheduled. From API 2.2 on the number is stored anyway, and the same
//     request again changes nothing and succeeds, as recorded;
//   - an app whose name begins or ends with a hyphen is stored incomplete, with a 503 (API 2.2);
//   - a process type whose name Kubernetes does not accept, such as "Web", can be built, but a build without it fails
//     (API 2.2);
//   - the command k8s-fail cannot be run (API 2.2 and newer).
//
// # One-off commands
//
// The run resource knows "true", "false", "exit N", "echo", which prints the rest of the line as it is, and "env" and
// "printenv", which print the configuration, or one variable ("printenv NAME"). Commands can be separated by ";". Any
// other command exits with 127 and prints "NAME: not found".
package deistest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/deisgo/deis/version"
)

// A Controller is a Deis Controller in memory, as an http.Handler. Make one with [New]. It is safe for concurrent use
// and starts no goroutine, except for work that outlasts its request: see [Fault] and [WithDeployDelay]. Several
// Controllers in one program share nothing.
type Controller struct {
	latency      time.Duration
	startDelay   time.Duration
	deployDelay  time.Duration
	registration Registration
	lostUpdates  bool
	tls          bool
	early23      bool                // see WithEarly23
	nodes        []map[string]string // the labels of each; empty if tags are not checked
	admin        *user               // the one that New created, or nil

	mu             sync.Mutex // guards the fields below; held while a request is carried out
	api            version.API
	faults         []*Fault
	requests       []*Request
	bodyBytes      int              // total size of the bodies of requests
	users          []*user          // in order of registration
	tokens         map[string]*user // every user has exactly one
	apps           []*app           // sorted by id, so that pages need no sorting
	domains        map[string]*domain
	certs          []*cert
	keys           []*key
	certIDs        int // the last certificate id in use
	rows           int // how many rows were written to the database
	kubernetesDown bool
	changes        int // how many configuration changes there were, with WithLostUpdates
}

// New returns a Controller of API 2.2 with one user, the administrator "admin", unless the options say otherwise.
// It panics if options contradict each other, such as two users of the same name or an app that cannot be created.
func New(opts ...Option) *Controller {
	s := options{api: version.V2_2, admin: &account{defaultAdmin, defaultPassword}}
	for _, o := range opts {
		o(&s)
	}
	c := &Controller{
		latency: s.latency, startDelay: s.startDelay, deployDelay: s.deployDelay, registration: s.registration, lostUpdates: s.lostUpdates,
		tls: s.tls, early23: s.early23, nodes: s.nodes, api: s.api, tokens: map[string]*user{}, domains: map[string]*domain{},
	}
	for i := range s.faults {
		c.faults = append(c.faults, &s.faults[i])
	}
	if s.admin != nil {
		c.admin = c.addUser(user{username: s.admin.username, password: s.admin.password, admin: true})
		if s.token != "" {
			c.setToken(c.admin, s.token)
		}
	}
	for _, u := range s.users {
		c.addUser(user{username: u.username, password: u.password})
	}
	for _, a := range s.apps {
		c.createApp(a)
	}
	return c
}

// setToken replaces a user's token.
func (c *Controller) setToken(u *user, token string) {
	delete(c.tokens, u.token)
	u.token = token
	c.tokens[token] = u
}

// createApp creates an app through the API, as a client does.
func (c *Controller) createApp(a ownedApp) {
	token := c.TokenOf(a.owner)
	if a.owner == "" {
		token = c.Token()
	}
	body := encode(map[string]string{"id": a.id})
	r, err := http.NewRequest(http.MethodPost, c.prefix()+"/apps/", nil)
	if err != nil {
		panic(err) // the path is a constant
	}
	r.Header.Set("Authorization", "token "+token)
	r.Header.Set("Content-Type", "application/json")
	if resp := c.carryOut(r, body); resp.status != http.StatusCreated {
		panic(fmt.Sprintf("deistest: cannot create the app %q of the user %q: %d %s",
			a.id, a.owner, resp.status, resp.body))
	}
}

// APIVersion returns the API version that the Controller speaks.
func (c *Controller) APIVersion() version.API {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.api
}

// SetAPIVersion upgrades or downgrades the Controller while clients use it. It keeps everything that is stored, tokens
// included. From then on, requests for the paths of another major version get 404.
func (c *Controller) SetAPIVersion(api version.API) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.api = api
}

// ServeHTTP responds to a request. To drop the connection it panics with http.ErrAbortHandler, as net/http requires.
func (c *Controller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the client left, or sent less than its Content-Length
	}
	seen, fault := c.receive(r, body)
	if !sleep(r.Context(), c.latency+fault.Delay) {
		panic(http.ErrAbortHandler)
	}
	work := r.WithContext(context.WithoutCancel(r.Context())) // real Controllers finish the work if the client leaves
	var resp *response
	if fault.carriesOut() && !c.await(r.Context(), func() { resp = c.carryOut(work, body) }) {
		panic(http.ErrAbortHandler)
	}
	if fault.Late > 0 {
		time.AfterFunc(fault.Late, func() { c.carryOut(work, body) })
	}
	if fault.Hang {
		<-r.Context().Done()
	}
	if fault.Hang || fault.Drop {
		panic(http.ErrAbortHandler)
	}
	resp = fault.apply(resp, c)
	c.mu.Lock()
	seen.Status = resp.status
	c.mu.Unlock()
	resp.write(w, r.Method, fault.Truncate)
}

// await runs work and reports whether the client was still there at its end. If deploys take time, work goes on in the
// background when the client leaves.
func (c *Controller) await(client context.Context, work func()) (there bool) {
	if c.deployDelay == 0 {
		work()
		return true
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		work()
	}()
	select {
	case <-done:
		return true
	case <-client.Done():
		return false
	}
}

// carryOut carries out a request and adds the headers of every response.
func (c *Controller) carryOut(r *http.Request, body []byte) *response {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := &request{Controller: c, http: r, body: body}
	return q.respond().withHeaders(c.versionHeaders())
}

// versionHeaders returns the headers that name the API version. API 1.6 sends them under two names each.
func (c *Controller) versionHeaders() map[string]string {
	if c.v2() {
		platform := fmt.Sprintf("%d.%d.0", c.api.Major, c.api.Minor)
		return map[string]string{version.Header: c.api.String(), version.PlatformHeader: platform}
	}
	return map[string]string{
		version.Header: c.api.String(), version.PlatformHeader: "1.10.1",
		"X_" + version.Header: c.api.String(), "X_" + version.PlatformHeader: "1.10.1",
	}
}

// v2 reports whether the Controller speaks API 2.0 or newer.
func (c *Controller) v2() bool { return c.api.Major >= 2 }

// v23 reports whether the Controller speaks API 2.3 or newer, as an early or a late server.
func (c *Controller) v23() bool { return c.api.AtLeast(version.V2_3) }

// late23 reports whether the Controller is a late server: it speaks API 2.3 or newer, without WithEarly23.
func (c *Controller) late23() bool { return c.v23() && !c.early23 }

// now returns the current time in UTC.
func now() time.Time { return time.Now().UTC() }

// stamp formats a time as resources do.
func (c *Controller) stamp(t time.Time) string {
	if c.v2() {
		return t.UTC().Format("2006-01-02T15:04:05Z")
	}
	return t.UTC().Format("2006-01-02T15:04:05UTC")
}

// sleep waits for d. It reports false if the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// nextRow returns the position in the database of what is stored or changed next.
func (c *Controller) nextRow() int {
	c.rows++
	return c.rows
}
