package deistest

import (
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"
)

// A Fault makes matching requests fail. The zero Fault matches every request and does nothing.
//
// It says what the client gets: another response (Status), a lost connection (Drop), nothing at all (Hang), or half of a
// response (Truncate). Without any of these the request is only delayed. With After or Late the Controller does the work
// anyway.
type Fault struct {
	// Method is the method that the fault matches, such as "POST"; "" matches any. Its case does not matter.
	Method string

	// Path is a pattern as in path.Match, where * matches one path element: "/v2/apps/*/builds/". A pattern that ends
	// with "/..." matches all paths that begin with the rest: "/v2/apps/..." matches /v2/apps and everything below it.
	// "" matches every path. A trailing slash does not matter, and the version prefix may be left out:
	// "/apps/*/builds".
	Path string

	// Status, Body, ContentType and Header are sent instead of the Controller's own response. An empty ContentType means
	// application/json; without a Body, the response has no content.
	Status      int
	Body        string
	ContentType string
	Header      map[string]string

	// Proxy makes the response that of a gateway or proxy in front of the Controller: it has no version headers.
	Proxy bool

	// Drop closes the connection instead of responding.
	Drop bool

	// Hang sends no response. The connection stays open until the client leaves.
	Hang bool

	// Truncate sends half of the body, with the Content-Length of the whole, and closes the connection. Without Status
	// it cuts off the Controller's own response, so the request is carried out.
	Truncate bool

	// After makes the Controller carry out the request before the client gets Status, Drop or Hang: only the response is
	// lost.
	After bool

	// Late makes the Controller carry out the request this long after the client got Status or Drop, or after Hang began:
	// a gateway gave up on the request, and the Controller behind it did not.
	Late time.Duration

	// Delay is how long to wait before anything else. If the client leaves first, nothing else happens.
	Delay time.Duration

	// Skip is how many matching requests pass unharmed first. Times is how many after that trigger the fault; 0 means all
	// of them.
	Skip, Times int

	matched int
}

// check panics if the fault could never do what it says, because a test with it would test nothing.
func (f Fault) check() {
	_, badPattern := path.Match(f.Path, "")
	replacesResponse := f.Status != 0 || f.Drop || f.Hang
	switch {
	case badPattern != nil:
		panic(fmt.Sprintf("deistest: the Path %q of a fault is not a valid pattern: %v", f.Path, badPattern))
	case f.Path != "" && f.Path[0] != '/':
		panic(fmt.Sprintf("deistest: the Path %q of a fault must begin with /", f.Path))
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		panic(fmt.Sprintf("deistest: the Status %d of a fault must be from 200 to 599", f.Status))
	case f.Status == 0 && (f.Body != "" || f.Proxy):
		panic("deistest: a fault has Body or Proxy, but no Status")
	case f.Drop && f.Hang:
		panic("deistest: a fault has both Drop and Hang")
	case !replacesResponse && (f.After || f.Late != 0):
		panic("deistest: a fault has After or Late, but no Status, Drop or Hang")
	case f.After && f.Late != 0:
		panic("deistest: a fault has both After and Late")
	}
}

// AddFault makes some requests fail from now on, as [WithFault] does from the start. If a request could trigger
// several faults, it triggers the one that was added first. AddFault panics if the fault could never do what it says.
func (c *Controller) AddFault(f Fault) {
	f.check()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, &f)
}

// ClearFaults removes all faults, including those that no request has triggered.
func (c *Controller) ClearFaults() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = nil
}

// Unmet returns the faults that no request has triggered, such as one whose path is misspelled. End a test about a fault
// with
//
//	require.Empty(t, server.Unmet())
//
// or it can pass although nothing went wrong.
func (c *Controller) Unmet() []Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	var unmet []Fault
	for _, f := range c.faults {
		if f.matched <= f.Skip {
			unmet = append(unmet, *f)
		}
	}
	return unmet
}

// isTriggered reports whether a request triggers the fault, and counts the request if it matches.
func (f *Fault) isTriggered(r *http.Request) bool {
	if f.Method != "" && !strings.EqualFold(f.Method, r.Method) || !matches(f.Path, r.URL.Path) {
		return false
	}
	f.matched++
	return f.matched > f.Skip && (f.Times == 0 || f.matched <= f.Skip+f.Times)
}

func matches(pattern, p string) bool {
	if pattern == "" {
		return true
	}
	for _, p := range []string{p, withoutVersion(p)} {
		if prefix, ok := strings.CutSuffix(pattern, "..."); ok {
			if strings.HasPrefix(strings.TrimSuffix(p, "/")+"/", prefix) {
				return true
			}
		} else if ok, _ := path.Match(strings.TrimSuffix(pattern, "/"), strings.TrimSuffix(p, "/")); ok {
			return true
		}
	}
	return false
}

// carriesOut reports whether the Controller carries out the request before the client gets anything.
func (f Fault) carriesOut() bool { return f.After || f.Status == 0 && !f.Drop && !f.Hang }

// apply returns the response to send. r is the Controller's own, nil if it did not carry out the request.
func (f Fault) apply(r *response, c *Controller) *response {
	if f.Status == 0 {
		return r
	}
	r = &response{status: f.Status, contentType: f.ContentType, body: []byte(f.Body)}
	if f.ContentType == "" && f.Body != "" {
		r.contentType = "application/json"
	}
	if !f.Proxy {
		c.mu.Lock()
		r = r.withHeaders(c.versionHeaders())
		c.mu.Unlock()
	}
	return r.withHeaders(f.Header)
}

// withoutVersion removes the version prefix of a path: "/v2/apps/" becomes "/apps/".
func withoutVersion(path string) string {
	if rest, ok := strings.CutPrefix(path, "/v"); ok {
		if _, after, ok := strings.Cut(rest, "/"); ok {
			return "/" + after
		}
	}
	return path
}
