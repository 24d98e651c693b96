package deistest

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// A request is a request that is being carried out. The Controller's lock is held in the meantime.
type request struct {
	*Controller
	http *http.Request
	body []byte
	vars map[string]string // the parts of the path, by their names in the route
	user *user             // the sender, nil if it is anonymous
	app  *app              // the app that the request is about, once it is known
}

// prefix returns the version part of all paths, such as "/v2".
func (c *Controller) prefix() string { return "/v" + strconv.Itoa(c.api.Major) }

// authenticate sets the user of a request by its token, or returns the refusal.
func (q *request) authenticate(a access) *response {
	if a == anybody {
		return nil
	}
	words := strings.Fields(q.http.Header.Get("Authorization"))
	switch {
	case len(words) == 0 || !strings.EqualFold(words[0], "token"):
		if a == signedIn {
			return unauthorized(noCredentials)
		}
		return nil
	case len(words) == 1:
		return unauthorized("Invalid token header. No credentials provided.")
	case len(words) > 2:
		return unauthorized("Invalid token header. Token string should not contain spaces.")
	}
	if q.user = q.tokens[words[1]]; q.user == nil {
		return unauthorized("Invalid token" + q.dot())
	}
	return nil
}

// inApp wraps the handler of a path below an app: the app must exist, and the user must be allowed to use it.
func inApp(h handler) handler {
	return func(q *request) *response {
		if stop := q.findApp(); stop != nil {
			return stop
		}
		return h(q)
	}
}

// ownerOnly wraps a handler inside inApp that collaborators of the app may not use.
func ownerOnly(h handler) handler {
	return func(q *request) *response {
		if !q.isOwner() {
			return q.forbidden()
		}
		return h(q)
	}
}

// findApp looks up the app in the path. It returns the refusal if there is none or the user may not use it.
func (q *request) findApp() *response {
	if q.app = q.appNamed(q.vars["app"]); q.app == nil {
		return q.notFound("App")
	}
	if !q.app.usableBy(q.user) {
		return q.forbidden()
	}
	return nil
}

// isOwner reports whether the user may do what collaborators may not: delete things and grant rights. Administrators may.
func (q *request) isOwner() bool { return q.user.admin || q.app.owner == q.user }

// notJSON is the text about a body that is not JSON. Real Controllers add the position, in Python's words.
const notJSON = "JSON parse error - the body is not JSON"

// readBody returns the JSON value of the body, and whether there is a body.
func (q *request) readBody() (v any, sent bool, stop *response) {
	if len(q.body) == 0 {
		return nil, false, nil
	}
	contentType := q.http.Header.Get("Content-Type")
	if mediaType, _, _ := mime.ParseMediaType(contentType); mediaType != "application/json" {
		return nil, true, detail(http.StatusUnsupportedMediaType, "Unsupported media type %s in request.", q.quote(contentType))
	}
	v, ok := parseJSON(q.body)
	if !ok {
		return nil, true, detail(http.StatusBadRequest, notJSON)
	}
	return v, true, nil
}

// object reads a body that may be missing. Anything but an object is refused with 400.
func (q *request) object() (map[string]any, *response) {
	v, sent, stop := q.readBody()
	object, isObject := v.(map[string]any)
	switch {
	case stop != nil || isObject || !sent:
		return object, stop
	case v == nil && q.late23():
		return nil, invalid("non_field_errors", "No data provided")
	case v == nil:
		return nil, jsonResponse(http.StatusBadRequest, []string{"This field may not be null."})
	}
	return nil, invalid("non_field_errors",
		"Invalid data. Expected a dictionary, but got "+pythonType(v, q.v2())+".")
}

// anyObject reads a body that may be missing. Anything but an object crashes real Controllers.
func (q *request) anyObject() (map[string]any, *response) {
	v, sent, stop := q.readBody()
	object, isObject := v.(map[string]any)
	if stop == nil && sent && !isObject {
		stop = q.crash()
	}
	return object, stop
}

// jsonObject reads a body. Anything but an object crashes real Controllers, and except in late servers a missing body
// does, too.
func (q *request) jsonObject() (map[string]any, *response) {
	v, sent, stop := q.readBody()
	object, isObject := v.(map[string]any)
	if stop == nil && !isObject && (sent || !q.late23()) {
		stop = q.crash()
	}
	return object, stop
}
