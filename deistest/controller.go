// Package deistest provides a Deis Controller that lives in memory, for tests of programs that talk to one.
//
//	server := deistest.Start(t, deistest.WithApp("example-go", ""))
//	client, err := deis.New(server.URL, deis.WithToken(server.Token))
//
// [Start] starts one on a loopback address for the length of a test, [NewServer] until it is closed. [New] returns the
// http.Handler alone, whose Transport needs no network and lets time pass at once in a synctest bubble.
//
// It speaks API 1.6, 2.2 and 2.3 and keeps state: users and their tokens, apps with their builds, configurations,
// releases, pods, domains, settings and logs, certificates, keys. It responds as real Controllers were recorded to, down
// to the texts of their errors. Its rules are those of Deis v1.10.1 (API 1.6), Workflow v2.4.2 (2.2), and Hephy Workflow
// v2.22.0 (2.3) or, with [WithEarly23], Workflow v2.5. It shares no type with the SDK: a mistake would otherwise be made
// twice and never be seen.
//
// # What is faithful
//
//   - What a client may write: for each field what is accepted, what it becomes, and the status and text of each refusal,
//     in the order of the checks. These are the rules of the servers named above, read from them and tried on them: the
//     files *_validate.go are tables with a column for each version, and their tests hold some 1,500 inputs.
//   - What a request leaves behind, also where it fails, as live servers were seen to: releases, pods, numbers, half an
//     app. The tests replay some 1,700 recorded exchanges in the order in which they were made.
//   - Who may do what, pages, headers, and the form of times and errors.
//
// # What differs from a real Controller
//
//   - Paths are matched as a whole. A real Controller before Workflow v2.7 takes a path that goes on after a known one for
//     that one, so that DELETE /v2/apps/web/typo destroys the app; here it is 404, as is every other unknown path.
//   - Nothing takes time unless [WithLatency], [WithStartDelay] or [WithDeployDelay] says so.
//   - What no client of an API needs is missing: form bodies, OPTIONS descriptions, CORS, build hooks, and where in a body
//     a JSON syntax error is.
//   - Of several bad keys in one field of a configuration, the first by name is reported; Python has no order.
//   - International host names are checked by ranges of characters instead of the tables of IDNA 2008: some hundred rare
//     characters are judged otherwise, and mixed directions of writing are not found.
//   - What is in brackets in the texts about certificates and keys is OpenSSL's, and only the usual cases have the same.
//   - The processes of apps are not run: health checks never fail, and in API 1.6 their variables need not be numbers.
//
// # Things that go wrong
//
// [WithFault] makes requests fail on their way; [Controller.SetKubernetes] takes the cluster away; [WithLostUpdates] lets
// changes made at the same time collide. Besides, these are refused as the recorded schedulers and registries refused
// them:
//
//   - an image named nonexistent or missing, such as "deis/nonexistent:1", is not in the registry;
//   - an image of "denied/", such as "denied/app:1", may not be pulled (API 2.2 and newer);
//   - an image with the tag k8s-fail, and a configuration with the variable K8S_FAIL, cannot be deployed. It is the last of
//     the app's process types that fails, or the one that the tag ("k8s-fail-worker") or the variable names;
//   - an image named noport, such as "acme/noport:1", exposes no port (API 2.2 and newer);
//   - more than 98 pods of a type cannot be scheduled. From API 2.2 on the number is stored nevertheless, and asking for
//     it again changes nothing and succeeds, as recorded;
//   - an app whose name ends or begins with a hyphen, and a process type that is no name for Kubernetes, such as "Web" (API
//     2.2): the app is created by half in spite of the 503, and the type can be built but never be scaled away;
//   - the command k8s-fail cannot be run (API 2.2 and newer).
//
// # One-off commands
//
// The run resource knows "echo", which prints the rest of the line as it is, "true", "false", "exit N", "env" and
// "printenv", which print the configuration ("printenv NAME" one variable of it), and several of these separated by
// ";". Any other command exits with 127 and prints "NAME: not found".
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

// A Controller is a Deis Controller in memory, as an http.Handler. It is safe for concurrent use and starts no
// goroutine, except for work that outlasts its request: see [Fault] and [WithDeployDelay]. Make one with [New]; several may live in one program and share
// nothing.
type Controller struct {
	latency      time.Duration
	startDelay   time.Duration
	deployDelay  time.Duration
	registration Registration
	lostUpdates  bool
	tls          bool
	early23      bool                // a 2.3 like the first ones
	nodes        []map[string]string // the labels of each; none if they do not matter
	admin        *user               // the one that New made, or nil

	mu             sync.Mutex // guards all that follows; held while a request is carried out
	api            version.API
	faults         []*Fault
	requests       []*Request
	bodyBytes      int              // how much the bodies of requests take
	users          []*user          // in order of registration
	tokens         map[string]*user // every user has exactly one
	apps           []*app           // by id, so that a page needs no sorting
	domains        map[string]*domain
	certs          []*cert
	keys           []*key
	certIDs        int // how many certificates there have been
	rows           int // how many rows the database has written
	kubernetesDown bool
	changes        int // how many changes of configurations there were, if updates are to be lost
}

// New returns a Controller of API 2.2 with one user, the administrator "admin", unless the options say otherwise.
// It panics if options contradict each other: two users of the same name, an app that cannot be created.
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

// createApp creates an app in the way that a client does, with all that follows from it.
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
		panic(fmt.Sprintf("deistest: the app %q of the user %q cannot be created: %d %s",
			a.id, a.owner, resp.status, resp.body))
	}
}

// APIVersion returns the API version that the Controller speaks.
func (c *Controller) APIVersion() version.API {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.api
}

// SetAPIVersion upgrades the Controller, or puts it back, under its running clients. Everything that it stores is
// kept, tokens included; the paths of another major version are 404 from now on.
func (c *Controller) SetAPIVersion(api version.API) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.api = api
}

// ServeHTTP responds to a request. A dropped connection is a panic with http.ErrAbortHandler, as net/http asks for it.
func (c *Controller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone, or sent less than it promised
	}
	seen, fault := c.receive(r, body)
	if !sleep(r.Context(), c.latency+fault.Delay) {
		panic(http.ErrAbortHandler)
	}
	work := r.WithContext(context.WithoutCancel(r.Context())) // real Controllers go on when their client has left
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

// await does some work and reports whether the client was still there at its end. Only deploys that take time outlast a
// client.
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

// carryOut does what a request asks for and adds what every response has.
func (c *Controller) carryOut(r *http.Request, body []byte) *response {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := &request{Controller: c, http: r, body: body}
	return q.respond().withHeaders(c.versionHeaders())
}

// versionHeaders are on every response. API 1.6 has them twice.
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

// v2 tells the two families of API versions apart.
func (c *Controller) v2() bool { return c.api.Major >= 2 }

// v23 reports whether the Controller is one of API 2.3, early or late.
func (c *Controller) v23() bool { return c.api.AtLeast(version.V2_3) }

// late23 reports whether the Controller is one of API 2.3 that is not among the first.
func (c *Controller) late23() bool { return c.v23() && !c.early23 }

// now is the only clock of the package, so that a test in a synctest bubble moves it.
func now() time.Time { return time.Now().UTC() }

// stamp writes a time as resources have it.
func (c *Controller) stamp(t time.Time) string {
	if c.v2() {
		return t.UTC().Format("2006-01-02T15:04:05Z")
	}
	return t.UTC().Format("2006-01-02T15:04:05UTC")
}

// sleep waits and reports whether it was not cut short by the context.
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

// nextRow is the place in the database of what is stored or changed now.
func (c *Controller) nextRow() int {
	c.rows++
	return c.rows
}
