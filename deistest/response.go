package deistest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strconv"
)

// A response is the result of a handler, including failures. A helper that can end a request early returns one besides
// its result, nil if the request goes on.
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

// write sends a response, or half of it with the Content-Length of the whole.
func (r *response) write(w http.ResponseWriter, method string, truncate bool) {
	for k, v := range r.header {
		w.Header().Set(k, v)
	}
	if r.contentType != "" {
		w.Header().Set("Content-Type", r.contentType)
	} else {
		w.Header()["Content-Type"] = nil // keeps net/http from guessing one
	}
	if r.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	w.WriteHeader(r.status)
	if method == http.MethodHead {
		return
	}
	if truncate {
		w.Write(r.body[:len(r.body)/2])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Write(r.body)
}

// encode returns JSON as Django REST framework writes it: compact, and without unnecessary escapes.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // never: everything encoded here was decoded from JSON or consists of strings and numbers
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func ok(v any) *response      { return jsonResponse(http.StatusOK, v) }
func created(v any) *response { return jsonResponse(http.StatusCreated, v) }

func jsonResponse(status int, v any) *response {
	return &response{status: status, contentType: "application/json", body: encode(v)}
}

// empty returns a response without a body and Content-Type, whatever the status.
func empty(status int) *response { return &response{status: status} }

// text returns a response in plain text.
func text(status int, body []byte) *response {
	return &response{status: status, contentType: "text/plain", body: body}
}

func htmlResponse(status int, body string) *response {
	return &response{status: status, contentType: "text/html", body: []byte(body)}
}

// detail returns a response in the format of most errors.
func detail(status int, format string, args ...any) *response {
	return jsonResponse(status, map[string]string{"detail": fmt.Sprintf(format, args...)})
}

// invalid returns the response if one field of a body is wrong.
func invalid(field, text string) *response {
	return jsonResponse(http.StatusBadRequest, map[string][]string{field: {text}})
}

// unknownRoute returns the response for a path that no route matches. Late servers do not repeat the path.
func (q *request) unknownRoute() *response {
	what := "URL " + html.EscapeString(q.http.URL.Path)
	if q.late23() {
		what = "resource"
	}
	return htmlResponse(http.StatusNotFound, "<h1>Not Found</h1><p>The requested "+what+" was not found on this server.</p>")
}

// notFound returns the response for a missing resource. Late servers name its model, in a bare JSON string.
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

// crash returns the response if a client causes an unhandled exception in a real Controller.
func (c *Controller) crash() *response {
	if c.v2() {
		return detail(http.StatusInternalServerError, "Server Error")
	}
	return htmlResponse(http.StatusInternalServerError, "<h1>Server Error (500)</h1>")
}

// dot returns the full stop of some texts that have one in API 2.x but not in 1.6.
func (c *Controller) dot() string {
	if c.v2() {
		return "."
	}
	return ""
}

// quote puts a word into the quotation marks that texts of the version have.
func (c *Controller) quote(s string) string {
	if c.v2() {
		return `"` + s + `"`
	}
	return "'" + s + "'"
}
