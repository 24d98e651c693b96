package deistest

import "net/http"

type adminJSON struct {
	Username    string `json:"username"`
	IsSuperuser bool   `json:"is_superuser"`
}

// listCollaborators lists the users who may use the app besides its owner, in order of registration.
func listCollaborators(q *request) *response {
	names := []string{}
	for _, u := range q.users {
		if q.app.collaborators[u] {
			names = append(names, u.username)
		}
	}
	return ok(map[string][]string{"users": names})
}

// addCollaborator lets a user use the app. The owner can be a collaborator, too.
func addCollaborator(q *request) *response {
	u, stop := q.namedUser()
	if stop != nil {
		return stop
	}
	q.app.collaborators[u] = true
	q.log("INFO", "User %s was granted access to %s", u.username, q.app.id)
	return empty(http.StatusCreated)
}

// removeCollaborator revokes a user's right to use the app. Collaborators may give up their own.
func removeCollaborator(q *request) *response {
	u := q.userNamed(q.vars["user"])
	switch q.app = q.appNamed(q.vars["app"]); {
	case q.app == nil:
		return q.notFound("App")
	case u == nil:
		return q.notFound("User")
	}
	hasRight := q.app.collaborators[u] || u.admin && !q.v2() // in API 1.6 an administrator has all rights
	if !hasRight || u != q.user && !q.isOwner() {
		return q.forbidden()
	}
	delete(q.app.collaborators, u)
	q.log("INFO", "User %s was revoked access to %s", u.username, q.app.id)
	return empty(http.StatusNoContent)
}

// forAdmins makes a handler that only administrators may use.
func forAdmins(h handler) handler {
	return func(q *request) *response {
		if !q.user.admin {
			return q.forbidden()
		}
		return h(q)
	}
}

func listAdmins(q *request) *response {
	var admins []*user
	for _, u := range q.users {
		if u.admin {
			admins = append(admins, u)
		}
	}
	return page(q, admins, func(u *user) adminJSON { return adminJSON{u.username, true} })
}

func addAdmin(q *request) *response {
	u, stop := q.namedUser()
	if stop != nil {
		return stop
	}
	u.admin = true
	return empty(http.StatusCreated)
}

// removeAdmin also succeeds for a user who is not an administrator. The last administrator can remove themselves.
func removeAdmin(q *request) *response {
	u := q.userNamed(q.vars["user"])
	if u == nil {
		return q.notFound("User")
	}
	u.admin = false
	return empty(http.StatusNoContent)
}

// namedUser returns the user that the body names.
func (q *request) namedUser() (*user, *response) {
	data, stop := q.anyObject()
	if stop != nil {
		return nil, stop
	}
	name, given := data["username"]
	if !given {
		return nil, q.crash()
	}
	if u := q.userNamed(q.pythonString(name)); u != nil {
		return u, nil
	}
	return nil, q.notFound("User")
}
