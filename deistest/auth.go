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

// userJSON renders a user. Unlike the documented one it has no id; last_login is the time of registration, since a
// login does not change it.
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

// Token returns the current token of the administrator that New made, or "" if it made none or the account is gone.
func (c *Controller) Token() string {
	if c.admin == nil {
		return ""
	}
	return c.TokenOf(c.admin.username)
}

// TokenOf returns the current token of a user, or "" if there is no such user. It is the one that a login returns.
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

// addUser stores a user of a name that is not taken, and gives the token.
func (c *Controller) addUser(u user) *user {
	if c.userNamed(u.username) != nil {
		panic(fmt.Sprintf("deistest: two users are named %q", u.username))
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

// register makes an account. While there is no administrator, it is made one.
func register(q *request) *response {
	if stop := q.mayRegister(); stop != nil {
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
		return q.crash() // real Controllers find out in the database that it is required
	}
	return created(q.userJSON(q.addUser(u)))
}

// mayRegister refuses as the registration mode says. In both modes API 1.6 says 403 to somebody who is not signed in.
func (q *request) mayRegister() *response {
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

// login returns the token of the user, the same each time.
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

// target is the user that a request is about: the one it names, which only an administrator may do for others, or the
// one who sends it. An empty name is none, as recorded.
func (q *request) target(data map[string]any) (*user, *response) {
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

// changePassword needs the current password, unless an administrator sends it; but API 1.6 checks what they send.
func changePassword(q *request) *response {
	data, stop := q.anyObject()
	if stop != nil {
		return stop
	}
	if q.v2() && !truthy(data["new_password"]) {
		return detail(http.StatusBadRequest, "new_password is a required field")
	}
	u, stop := q.target(data)
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
		return q.crash() // API 1.6 only finds out now
	}
	u.password = q.pythonString(password)
	return ok(map[string]string{"status": "password set"})
}

// checkPassword refuses a request that does not have the current password of a user.
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

// regenerateToken replaces the caller's token; for administrators that of the user they name, or everybody's as soon
// as "all" is there, false included.
func regenerateToken(q *request) *response {
	body, _, stop := q.readBody()
	if stop != nil {
		return stop
	}
	object, _ := body.(map[string]any) // a list has neither of the names, and is as good as nothing
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

// cancelAccount removes an account and what belongs to it, in API 1.6 all that the user made in other people's apps
// included. API 2.x refuses while the user owns apps, and while there are certificates, and releases and domains of
// other people's apps, which have to stay.
func cancelAccount(q *request) *response {
	data, stop := q.anyObject()
	if stop != nil {
		return stop
	}
	u, stop := q.target(data)
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
			len(q.domainsOf(func(d *domain) bool { return d.owner == u })) > 0 {
			return q.protected(u)
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

// removeWorkOf removes the builds and configurations that a user made, the releases of them, and what runs of those.
func (a *app) removeWorkOf(u *user) {
	a.builds = slices.DeleteFunc(a.builds, func(b *build) bool { return b.owner == u })
	a.releases = slices.DeleteFunc(a.releases, func(r *release) bool {
		return r.owner == u || r.config.owner == u || r.build != nil && r.build.owner == u
	})
	if len(a.releases) == 0 {
		return // it is the user's own, and gone
	}
	a.pods = slices.DeleteFunc(a.pods, func(p *pod) bool { return a.released(p.release) == nil })
	if a.config.owner == u {
		a.config = a.latest().config
	}
}

// listUsers is for administrators. Users come in order of registration; real Controllers promise no order.
func listUsers(q *request) *response { return page(q, q.users, q.userJSON) }
