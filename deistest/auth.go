package deistest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

// A user is an account.
type user struct {
	username, password, email, firstName, lastName string
	admin                                          bool
	joined                                         time.Time
	token                                          string
}

type userJSON struct {
	Email       string   `json:"email"`
	Username    string   `json:"username"`
	FirstName   string   `json:"first_name"`
	LastName    string   `json:"last_name"`
	IsSuperuser bool     `json:"is_superuser"`
	IsStaff     bool     `json:"is_staff"`
	Groups      []string `json:"groups"`
	Permissions []string `json:"user_permissions"`
	LastLogin   string   `json:"last_login"`
	DateJoined  string   `json:"date_joined"`
	IsActive    bool     `json:"is_active"`
}

// userJSON renders a user. Unlike in the documents it has no id. last_login is the time of registration: a login does not
// change it.
func (c *Controller) userJSON(u *user) userJSON {
	joined := c.stamp(u.joined)
	if !c.v2() {
		joined = u.joined.UTC().Format("2006-01-02T15:04:05.000000Z")
	}
	return userJSON{
		Email: u.email, Username: u.username, FirstName: u.firstName, LastName: u.lastName,
		IsSuperuser: u.admin, IsStaff: u.admin, Groups: []string{}, Permissions: []string{},
		LastLogin: joined, DateJoined: joined, IsActive: true,
	}
}

// Token returns the current token of the administrator that New created. It is "" if New created none, or if the account
// was cancelled.
func (c *Controller) Token() string {
	if c.admin == nil {
		return ""
	}
	return c.TokenOf(c.admin.username)
}

// TokenOf returns the current token of a user, the one that a login returns, or "" if there is no such user.
func (c *Controller) TokenOf(username string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if u := c.userNamed(username); u != nil {
		return u.token
	}
	return ""
}

func (c *Controller) userNamed(name string) *user {
	i := slices.IndexFunc(c.users, func(u *user) bool { return u.username == name })
	if i < 0 {
		return nil
	}
	return c.users[i]
}

// addUser stores a user and gives them a token. It panics if the name is taken.
func (c *Controller) addUser(u user) *user {
	if c.userNamed(u.username) != nil {
		panic(fmt.Sprintf("deistest: two users have the name %q", u.username))
	}
	u.joined = now()
	c.users = append(c.users, &u)
	c.renewToken(&u)
	return &u
}

func (c *Controller) renewToken(u *user) {
	delete(c.tokens, u.token)
	u.token = newToken()
	c.tokens[u.token] = u
}

// register creates an account. The user becomes an administrator if there is none.
func register(q *request) *response {
	if stop := q.registrationRefusal(); stop != nil {
		return stop
	}
	data, stop := q.object()
	if stop != nil {
		return stop
	}
	s := q.serializer(data)
	u, hasEmail := s.accountFields()
	u.admin = !slices.ContainsFunc(q.users, func(u *user) bool { return u.admin })
	if stop := s.refusal(); stop != nil {
		return stop
	}
	if !hasEmail {
		return q.crash() // real Controllers leave it to the database that it is required
	}
	return created(q.userJSON(q.addUser(u)))
}

// registrationRefusal returns the refusal of the registration mode, nil if the user may register. A request
// without a valid token gets 403, not 401.
func (q *request) registrationRefusal() *response {
	if q.registration == RegistrationOpen {
		return nil
	}
	if q.v2() && q.registration == RegistrationDisabled {
		return detail(http.StatusForbidden, "Registration is disabled")
	}
	if q.http.Header.Get("Authorization") == "" {
		return detail(http.StatusForbidden, noCredentials)
	}
	if q.authenticate(signedIn) != nil || !q.user.admin || q.registration == RegistrationDisabled {
		return q.forbidden()
	}
	return nil
}

// login returns the token of the user, which a login does not change.
func login(q *request) *response {
	data, stop := q.object()
	if stop != nil {
		return stop
	}
	s := q.serializer(data)
	username, password := s.text("username", inAll(required)), s.text("password", loginPasswordField)
	if stop := s.refusal(); stop != nil {
		return stop
	}
	u := q.userNamed(username)
	if u == nil || u.password != password {
		return invalid("non_field_errors", "Unable to log in with provided credentials.")
	}
	return ok(map[string]string{"token": u.token})
}

func whoami(q *request) *response { return ok(q.userJSON(q.user)) }

// targetUser returns the user that a request is about: the one that it names, or the sender. Only administrators may name
// others. An empty name counts as none, as recorded.
func (q *request) targetUser(data map[string]any) (*user, *response) {
	if !truthy(data["username"]) {
		return q.user, nil
	}
	name := q.pythonString(data["username"])
	if name != q.user.username && !q.user.admin {
		return nil, q.forbidden()
	}
	if u := q.userNamed(name); u != nil {
		return u, nil
	}
	return nil, q.notFound("User")
}

// changePassword needs the current password, unless an administrator sends the request. API 1.6 checks a password that an
// administrator sends.
func changePassword(q *request) *response {
	data, stop := q.anyObject()
	if stop != nil {
		return stop
	}
	if q.v2() && !truthy(data["new_password"]) {
		return detail(http.StatusBadRequest, "new_password is a required field")
	}
	u, stop := q.targetUser(data)
	if stop != nil {
		return stop
	}
	if !q.user.admin || truthy(data["password"]) && !q.v2() {
		if stop := q.checkPassword(u, data); stop != nil {
			return stop
		}
	}
	password, given := data["new_password"]
	if !given {
		return q.crash() // API 1.6 notices only here
	}
	u.password = q.pythonString(password)
	return ok(map[string]string{"status": "password set"})
}

// checkPassword refuses a request that lacks a user's current password.
func (q *request) checkPassword(u *user, data map[string]any) *response {
	const wrong = "Current password does not match"
	password, given := data["password"]
	switch {
	case q.v2() && !truthy(password):
		return detail(http.StatusBadRequest, "password is a required field")
	case !given:
		return q.crash()
	case q.pythonString(password) == u.password:
		return nil
	case q.v2():
		return unauthorized(wrong)
	}
	return detail(http.StatusBadRequest, wrong)
}

// regenerateToken replaces the caller's token. Administrators can name another user, or replace all tokens with "all",
// whatever its value.
func regenerateToken(q *request) *response {
	body, _, stop := q.readBody()
	if stop != nil {
		return stop
	}
	object, _ := body.(map[string]any) // a list counts as no body
	username, named := object["username"]
	_, all := object["all"]
	switch {
	case q.user == nil && (named || all):
		return unauthorized(noCredentials)
	case q.user == nil:
		return q.crash()
	case (named || all) && !q.user.admin:
		return q.forbidden()
	case all:
		for _, u := range q.users {
			q.renewToken(u)
		}
		return ok("")
	}
	u := q.user
	if named {
		if u = q.userNamed(q.pythonString(username)); u == nil {
			return q.notFound("User")
		}
	}
	q.renewToken(u)
	return ok(map[string]string{"token": u.token})
}

// cancelAccount removes an account and what belongs to it. API 1.6 also removes what the user made in other people's
// apps. API 2.x refuses while the user owns apps or certificates, or made releases or domains of other people's apps.
func cancelAccount(q *request) *response {
	data, stop := q.anyObject()
	if stop != nil {
		return stop
	}
	u, stop := q.targetUser(data)
	if stop != nil {
		return stop
	}
	if q.v2() {
		if slices.ContainsFunc(q.apps, func(a *app) bool { return a.owner == u }) {
			return detail(http.StatusConflict,
				"%s still has applications assigned. Delete or transfer ownership", u.username)
		}
		if slices.ContainsFunc(q.certs, func(ct *cert) bool { return ct.owner == u }) ||
			slices.ContainsFunc(q.apps, func(a *app) bool { return a.hasReleaseBy(u) }) ||
			len(q.domainsWhere(func(d *domain) bool { return d.owner == u })) > 0 {
			return q.cancelRefusal(u)
		}
	}
	q.removeUser(u)
	return empty(http.StatusNoContent)
}

func (c *Controller) removeUser(u *user) {
	for _, a := range slices.Clone(c.apps) {
		if a.owner == u {
			c.removeApp(a)
		}
		delete(a.collaborators, u)
		if !c.v2() {
			a.removeWorkOf(u)
		}
	}
	maps.DeleteFunc(c.domains, func(_ string, d *domain) bool { return d.owner == u })
	c.certs = slices.DeleteFunc(c.certs, func(ct *cert) bool { return ct.owner == u })
	c.keys = slices.DeleteFunc(c.keys, func(k *key) bool { return k.owner == u })
	c.users = slices.DeleteFunc(c.users, func(other *user) bool { return other == u })
	delete(c.tokens, u.token)
}

// removeWorkOf removes the builds that a user made, the releases with a build or configuration of theirs, and the pods of
// those releases.
func (a *app) removeWorkOf(u *user) {
	a.builds = slices.DeleteFunc(a.builds, func(b *build) bool { return b.owner == u })
	a.releases = slices.DeleteFunc(a.releases, func(r *release) bool {
		return r.owner == u || r.config.owner == u || r.build != nil && r.build.owner == u
	})
	if len(a.releases) == 0 {
		return // the app is the user's own and was removed
	}
	a.pods = slices.DeleteFunc(a.pods, func(p *pod) bool { return a.releaseNumbered(p.release) == nil })
	if a.config.owner == u {
		a.config = a.latest().config
	}
}

// listUsers lists users in order of registration. Real Controllers promise no order.
func listUsers(q *request) *response { return page(q, q.users, q.userJSON) }
