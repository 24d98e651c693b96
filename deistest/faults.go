package deistest

import (
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"
)

// A Fault makes requests fail in a chosen way. The zero Fault meets every request and does nothing to it.
//
// Without Status, Drop and Truncate the request is only delayed.
type Fault struct {
	// Method is the one that the fault meets, "POST"; "" is any. Its case makes no difference.
	Method string

	// Path is a pattern as in path.Match, where * is one path element: "/v2/apps/*/builds/". A pattern that ends with
	// "/..." meets all paths that begin like it: "/v2/apps/...", and /v2/apps itself. "" meets every path. A trailing
	// slash makes no difference, and the version prefix may be left out: "/apps/*/builds".
	Path string

	// Status is answered instead of what the Controller would say, with Body, ContentType and Header. An empty
	// ContentType is application/json; no Body at all is an answer without content.
	Status      int
	Body        string
	ContentType string
	Header      map[string]string

	// Proxy says that the answer comes from something in front of the Controller: it has no version headers.
	Proxy bool

	// Drop closes the connection instead of answering.
	Drop bool

	// Truncate sends half of the body and closes the connection; the Content-Length is that of the whole. Without
	// Status it is the Controller's own answer that is cut, so the request is carried out.
	Truncate bool

	// After has the request carried out before it is answered with Status, or not at all: the work is done, and
	// only its answer is lost.
	After bool

	// Delay is waited for before anything else. It ends with the context of the request, which is then not answered.
	Delay time.Duration

	// Skip is the number of requests that pass unharmed first, Times how many are met then; 0 is all.
	Skip, Times int

	met int
}

// check panics if the fault could never do what it says, for a test that goes on would test nothing.
func (f Fault) check() {
	_, badPattern := path.Match(f.Path, "")
	switch {
	case badPattern != nil:
		panic(fmt.Sprintf("deistest: fault with the path %q, which is no pattern: %v", f.Path, badPattern))
	case f.Path != "" && f.Path[0] != '/':
		panic(fmt.Sprintf("deistest: fault with the path %q, which must begin with /", f.Path))
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		panic(fmt.Sprintf("deistest: fault with the status %d, which is none to answer with", f.Status))
	case f.Status == 0 && (f.Body != "" || f.Proxy || f.After && !f.Drop):
		panic("deistest: fault with Body, Proxy or After, but without a Status")
	}
}

// AddFault makes some requests fail from now on, as [WithFault] does from the start. It panics if the fault could never
// do what it says.
func (c *Controller) AddFault(f Fault) {
	f.check()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, &f)
}

// ClearFaults ends all faults.
func (c *Controller) ClearFaults() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = nil
}

// meets tells whether the fault strikes this request, and counts it.
func (f *Fault) meets(r *http.Request) bool {
	if f.Method != "" && !strings.EqualFold(f.Method, r.Method) || !matches(f.Path, r.URL.Path) {
		return false
	}
	f.met++
	return f.met > f.Skip && (f.Times == 0 || f.met <= f.Skip+f.Times)
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

// carriesOut tells whether the request is carried out in spite of the fault.
func (f Fault) carriesOut() bool { return f.After || f.Status == 0 && !f.Drop }

// apply turns the answer of the Controller, nil if the request was not carried out, into the one that is sent. It
// returns nil for a dropped connection.
func (f Fault) apply(a *response, c *Controller) *response {
	switch {
	case f.Drop:
		return nil
	case f.Status == 0:
		return a
	}
	a = &response{status: f.Status, contentType: f.ContentType, body: []byte(f.Body)}
	if f.ContentType == "" && f.Body != "" {
		a.contentType = "application/json"
	}
	if !f.Proxy {
		c.mu.Lock()
		a = a.withHeaders(c.versionHeaders())
		c.mu.Unlock()
	}
	return a.withHeaders(f.Header)
}

// withoutVersion cuts the version prefix off a path: "/v2/apps/" is "/apps/".
func withoutVersion(path string) string {
	if rest, ok := strings.CutPrefix(path, "/v"); ok {
		if _, after, ok := strings.Cut(rest, "/"); ok {
			return "/" + after
		}
	}
	return path
}
