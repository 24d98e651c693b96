// Package perms manages who may work on an app beside its owner, and who administers the Controller.
//
//	err := client.Perms.Grant(ctx, "example-go", "bob")
//	names, err := client.Perms.List(ctx, "example-go")
//	err = client.Perms.Revoke(ctx, "example-go", "bob")
//
// Document: "Permissions" in both API documents. The two versions differ in nothing that a caller sees.
package perms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/deisgo/deis/rest"
)

// Service manages permissions. Use it as Client.Perms; it is safe for concurrent use.
type Service struct{ client *rest.Client }

// New returns a service on a client of one's own. Programs use Client.Perms.
func New(client *rest.Client) *Service { return &Service{client} }

// An Admin is a user with administrative privileges.
type Admin struct {
	Username    string `json:"username" deis:"username"`
	IsSuperuser bool   `json:"is_superuser"`
}

// ListOptions choose a page; see rest.ListOptions.
type ListOptions = rest.ListOptions

// List returns the names of the users who may work on an app. Its owner is not among them, unless granted too. The
// list has no pages.
//
//deis:operation v1.6,v2.2,v2.3 GET /apps/{app}/perms/
func (s *Service) List(ctx context.Context, app string, opts ...rest.CallOption) ([]string, error) {
	got, err := rest.Get[collaborators](ctx, s.client, rest.Path("apps", app, "perms"), opts...)
	if err != nil {
		return nil, err
	}
	return got.Users, nil
}

// collaborators are {"users": ["bob"]}.
type collaborators struct{ Users []string }

// UnmarshalJSON refuses what has no users. For nobody there is an empty list.
func (c *collaborators) UnmarshalJSON(data []byte) error {
	var object struct {
		Users *[]string `json:"users"`
	}
	if err := json.Unmarshal(data, &object); err != nil {
		return err
	}
	if object.Users == nil || slices.Contains(*object.Users, "") {
		return errors.New("it has no users")
	}
	c.Users = *object.Users
	return nil
}

// ErrAmbiguousName says that a right was not taken from a user whose name has a . @ or + in it, because the Controller
// may take the name for that of another user, who has the right as well. Match it with errors.Is.
var ErrAmbiguousName = errors.New("deis: the Controller may take the username for another user's")

// Grant lets a user work on an app. Only its owner and administrators may grant. It does no harm to grant twice. The
// error matches rest.ErrNotFound if there is no such app, or no such user (real 2.x Controllers). See Revoke for names that
// some Controllers cannot revoke.
//
//deis:operation v1.6,v2.2,v2.3 POST /apps/{app}/perms/
func (s *Service) Grant(ctx context.Context, app, username string, opts ...rest.CallOption) error {
	return s.grant(ctx, rest.Path("apps", app, "perms"), username, opts)
}

// Revoke takes an app from a user. Collaborators may revoke their own right. Real Controllers respond with 403 if the user
// has no such right.
//
// For a name with a . @ or + in it, "jo.hn", most Controllers take the right from "jo", or do not know the path. So Revoke
// lists the rights first, and if "jo" has the right, too, sends nothing: the error matches ErrAmbiguousName. Afterwards it
// lists them again, and returns an error if the user still has the right.
//
//deis:operation v1.6,v2.2,v2.3 DELETE /apps/{app}/perms/{username}
func (s *Service) Revoke(ctx context.Context, app, username string, opts ...rest.CallOption) error {
	return s.revoke(ctx, rest.Path("apps", app, "perms", username).NoSlash(), username, opts, func(opts []rest.CallOption) ([]string, error) {
		return s.List(ctx, app, opts...)
	})
}

// Admins returns one page of the administrators. Only an administrator may ask.
//
//deis:operation v1.6,v2.2,v2.3 GET /admin/perms/
func (s *Service) Admins(ctx context.Context, o ListOptions, opts ...rest.CallOption) (*rest.Page[Admin], error) {
	return rest.List[Admin](ctx, s.client, rest.Path("admin", "perms"), o, opts...)
}

// AllAdmins ranges over the administrators; see rest.All.
func (s *Service) AllAdmins(ctx context.Context, o ListOptions, opts ...rest.CallOption) iter.Seq2[Admin, error] {
	return rest.All[Admin](ctx, s.client, rest.Path("admin", "perms"), o, opts...)
}

// GrantAdmin makes a user an administrator. Only an administrator may. It does no harm to do it twice.
//
//deis:operation v1.6,v2.2,v2.3 POST /admin/perms
func (s *Service) GrantAdmin(ctx context.Context, username string, opts ...rest.CallOption) error {
	return s.grant(ctx, rest.Path("admin", "perms").NoSlash(), username, opts)
}

// RevokeAdmin makes an administrator an ordinary user. The last one can do it to themselves: then the next user to
// register becomes administrator (real v1.6 Controllers). It does nothing for a user who is not an administrator. Names with a . @ or +
// in them are treated as by Revoke.
//
//deis:operation v1.6,v2.2,v2.3 DELETE /admin/perms/{username}
func (s *Service) RevokeAdmin(ctx context.Context, username string, opts ...rest.CallOption) error {
	return s.revoke(ctx, rest.Path("admin", "perms", username).NoSlash(), username, opts, func(opts []rest.CallOption) (names []string, err error) {
		for admin, err := range s.AllAdmins(ctx, ListOptions{}, opts...) {
			if err != nil {
				return nil, err
			}
			names = append(names, admin.Username)
		}
		return names, nil
	})
}

// revoke takes a right from a user. holders lists who has it.
func (s *Service) revoke(ctx context.Context, at rest.Endpoint, username string, opts []rest.CallOption, holders func([]rest.CallOption) ([]string, error)) error {
	cut := strings.IndexAny(username, ".@+")
	if cut < 0 || at.Err() != nil {
		return rest.Delete(ctx, s.client, at, opts...)
	}
	other := username[:cut] // the user that a Controller may take the name for
	if other == "" {
		return rest.InvalidArgument(fmt.Sprintf("username %.100q", username), "must not begin with . @ or + where it stands in a path")
	}
	looks := append(slices.Clone(opts), rest.WithoutResponse())
	before, err := holders(looks)
	switch {
	case err != nil:
		return err
	case slices.Contains(before, other):
		return fmt.Errorf("%w: nothing was sent to revoke the right of %s, because %s has it, too", ErrAmbiguousName, username, other)
	}
	err = rest.Delete(ctx, s.client, at, append(slices.Clone(opts), rest.WithUnknownPath())...)
	if errors.Is(err, rest.ErrNotFound) || errors.Is(err, rest.ErrForbidden) {
		return fmt.Errorf("%w (many Controllers cannot revoke the right of a user whose name has a . @ or +)", err)
	}
	if err != nil {
		return err
	}
	after, err := holders(looks)
	switch {
	case errors.Is(err, rest.ErrForbidden): // it was the caller's own right
		return nil
	case err != nil:
		return fmt.Errorf("deis: whether the right of %s was revoked is not known: %w", username, err)
	case slices.Contains(after, username):
		return fmt.Errorf("%w: %s still has the right", ErrAmbiguousName, username)
	}
	return nil
}

func (s *Service) grant(ctx context.Context, at rest.Endpoint, username string, opts []rest.CallOption) error {
	if username == "" {
		return rest.InvalidArgument("username", "must not be empty")
	}
	_, err := rest.Post[struct{}](ctx, s.client, at, struct {
		Username string `json:"username"`
	}{username}, opts...)
	return err
}
