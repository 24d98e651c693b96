package deistest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strconv"
)

// An answer is what a handler says, a failure included. A helper that may have to end a request returns one beside
// its result, nil if all is well.
type answer struct {
	status      int
	contentType string
	header      map[string]string
	body        []byte
}

// withHeaders adds to the headers of an answer and returns it.
func (a *answer) withHeaders(header map[string]string) *answer {
	if a.header == nil {
		a.header = map[string]string{}
	}
	for k, v := range header {
		a.header[k] = v
	}
	return a
}

// write sends an answer, or the half of it with the whole one's Content-Length.
func (a *answer) write(w http.ResponseWriter, method string, half bool) {
	for k, v := range a.header {
		w.Header().Set(k, v)
	}
	if a.contentType != "" {
		w.Header().Set("Content-Type", a.contentType)
	} else {
		w.Header()["Content-Type"] = nil // or net/http would guess one
	}
	if a.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	if method == http.MethodHead {
		return
	}
	if half {
		w.Write(a.body[:len(a.body)/2])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Write(a.body)
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

func ok(v any) *answer      { return jsonAnswer(http.StatusOK, v) }
func created(v any) *answer { return jsonAnswer(http.StatusCreated, v) }

func jsonAnswer(status int, v any) *answer {
	return &answer{status: status, contentType: "application/json", body: encode(v)}
}

// empty is an answer without content: no body and no Content-Type, whatever the status.
func empty(status int) *answer { return &answer{status: status} }

// text is an answer in plain text.
func text(status int, body []byte) *answer {
	return &answer{status: status, contentType: "text/plain", body: body}
}

func htmlAnswer(status int, body string) *answer {
	return &answer{status: status, contentType: "text/html", body: []byte(body)}
}

// detail is the form of most errors.
func detail(status int, format string, args ...any) *answer {
	return jsonAnswer(status, map[string]string{"detail": fmt.Sprintf(format, args...)})
}

// invalid is what is wrong with one field of a body.
func invalid(field, text string) *answer {
	return jsonAnswer(http.StatusBadRequest, map[string][]string{field: {text}})
}

// unknownRoute is the answer for a path that nothing lives under.
func unknownRoute(path string) *answer {
	return htmlAnswer(http.StatusNotFound, "<h1>Not Found</h1><p>The requested URL "+html.EscapeString(path)+
		" was not found on this server.</p>")
}

func (c *Controller) notFound() *answer { return detail(http.StatusNotFound, "Not found%s", c.dot()) }

func (c *Controller) forbidden() *answer {
	return detail(http.StatusForbidden, "You do not have permission to perform this action.")
}

const noCredentials = "Authentication credentials were not provided."

func unauthorized(text string) *answer {
	return detail(http.StatusUnauthorized, "%s", text).withHeaders(map[string]string{"WWW-Authenticate": "Token"})
}

// crash is an unhandled exception in a real Controller that a client can cause.
func (c *Controller) crash() *answer {
	if c.v2() {
		return detail(http.StatusInternalServerError, "Server Error")
	}
	return htmlAnswer(http.StatusInternalServerError, "<h1>Server Error (500)</h1>")
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
