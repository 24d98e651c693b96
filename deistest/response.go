package deistest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strconv"
)

// A response is what a handler says, a failure included. A helper that may have to end a request returns one beside
// its result, nil if all is well.
type response struct {
	status      int
	contentType string
	header      map[string]string
	body        []byte
}

// withHeaders adds to the headers of a response and returns it.
func (r *response) withHeaders(header map[string]string) *response {
	if r.header == nil {
		r.header = map[string]string{}
	}
	for k, v := range header {
		r.header[k] = v
	}
	return r
}

// write sends a response, or the half of it with the whole one's Content-Length.
func (r *response) write(w http.ResponseWriter, method string, half bool) {
	for k, v := range r.header {
		w.Header().Set(k, v)
	}
	if r.contentType != "" {
		w.Header().Set("Content-Type", r.contentType)
	} else {
		w.Header()["Content-Type"] = nil // or net/http would guess one
	}
	if r.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	w.WriteHeader(r.status)
	if method == http.MethodHead {
		return
	}
	if half {
		w.Write(r.body[:len(r.body)/2])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Write(r.body)
}

// encode writes JSON as Django REST framework does: compact, and no character escaped that need not be.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // everything that is encoded was decoded from JSON or is made of strings and numbers
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func ok(v any) *response      { return jsonResponse(http.StatusOK, v) }
func created(v any) *response { return jsonResponse(http.StatusCreated, v) }

func jsonResponse(status int, v any) *response {
	return &response{status: status, contentType: "application/json", body: encode(v)}
}

// empty is a response without content: no body and no Content-Type, whatever the status.
func empty(status int) *response { return &response{status: status} }

// text is a response in plain text.
func text(status int, body []byte) *response {
	return &response{status: status, contentType: "text/plain", body: body}
}

func htmlResponse(status int, body string) *response {
	return &response{status: status, contentType: "text/html", body: []byte(body)}
}

// detail is the form of most errors.
func detail(status int, format string, args ...any) *response {
	return jsonResponse(status, map[string]string{"detail": fmt.Sprintf(format, args...)})
}

// invalid is what is wrong with one field of a body.
func invalid(field, text string) *response {
	return jsonResponse(http.StatusBadRequest, map[string][]string{field: {text}})
}

// unknownRoute is the response for a path that nothing lives under. Late servers do not repeat the path.
func (q *request) unknownRoute() *response {
	what := "URL " + html.EscapeString(q.http.URL.Path)
	if q.late23() {
		what = "resource"
	}
	return htmlResponse(http.StatusNotFound, "<h1>Not Found</h1><p>The requested "+what+" was not found on this server.</p>")
}

// notFound is the response for a resource that is not there. Late servers say in a bare JSON text of which model none is.
func (c *Controller) notFound(model string) *response {
	if c.late23() {
		return jsonResponse(http.StatusNotFound, "No "+model+" matches the given query.")
	}
	return detail(http.StatusNotFound, "Not found%s", c.dot())
}

func (c *Controller) forbidden() *response {
	return detail(http.StatusForbidden, noPermission)
}

const noPermission = "You do not have permission to perform this action."

const noCredentials = "Authentication credentials were not provided."

func unauthorized(text string) *response {
	return detail(http.StatusUnauthorized, "%s", text).withHeaders(map[string]string{"WWW-Authenticate": "Token"})
}

// crash is an unhandled exception in a real Controller that a client can cause.
func (c *Controller) crash() *response {
	if c.v2() {
		return detail(http.StatusInternalServerError, "Server Error")
	}
	return htmlResponse(http.StatusInternalServerError, "<h1>Server Error (500)</h1>")
}

// dot ends some texts of API 2.2 that have no full stop in 1.6.
func (c *Controller) dot() string {
	if c.v2() {
		return "."
	}
	return ""
}

// quote puts a word into the quotation marks that the texts of the version have.
func (c *Controller) quote(s string) string {
	if c.v2() {
		return `"` + s + `"`
	}
	return "'" + s + "'"
}
