// Package perms manages who may work on an app besides its owner, and who administers the Controller.
//
//	err := client.Perms.Grant(ctx, "example-go", "bob")
//	names, err := client.Perms.List(ctx, "example-go")
//	err = client.Perms.Revoke(ctx, "example-go", "bob")
//
// API documents: "Permissions". Callers see no difference between the versions, except for some usernames; see Revoke.
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

// New returns a Service that uses client. Programs use Client.Perms.
func New(client *rest.Client) *Service { return &Service{client} }

// An Admin is an administrator of the Controller.
type Admin struct {
	Username    string `json:"username" deis:"username"`
	IsSuperuser bool   `json:"is_superuser"`
}

// ListOptions choose a page; see rest.ListOptions.
type ListOptions = rest.ListOptions

// List returns the names of the users who may work on an app. Its owner is not among them unless granted, too. The list
// is not paginated.
//
//deis:operation v1.6,v2.2,v2.3 GET /apps/{app}/perms/
func (s *Service) List(ctx context.Context, app string, opts ...rest.CallOption) ([]string, error) {
	got, err := rest.Get[collaborators](ctx, s.client, rest.Path("apps", app, "perms"), opts...)
	if err != nil {
		return nil, err
	}
	return got.Users, nil
}

// collaborators is {"users": ["bob"]}.
type collaborators struct{ Users []string }

// UnmarshalJSON refuses an object without users. If there are none, the list is empty.
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

// ErrAmbiguousName means that a right of a user whose name contains '.', '@' or '+' was not revoked, because the
// Controller may mistake the name for that of another user. Match it with errors.Is.
var ErrAmbiguousName = errors.New("deis: the Controller may mistake the username for another user's")

// Grant lets a user work on an app. Only its owner and administrators may grant. Granting twice does no harm. The error
// matches rest.ErrNotFound if there is no such app or no such user. See Revoke for names that some Controllers cannot
// revoke.
//
//deis:operation v1.6,v2.2,v2.3 POST /apps/{app}/perms/
func (s *Service) Grant(ctx context.Context, app, username string, opts ...rest.CallOption) error {
	return s.grant(ctx, rest.Path("apps", app, "perms"), username, opts)
}

// Revoke removes a user's right to work on an app. Collaborators may revoke their own. If the user does not have the
// right, real Controllers respond with 403, rest.ErrForbidden.
//
// If a name contains '.', '@' or '+', as in "jo.hn", most real Controllers revoke the right of "jo" or do not know the
// path. So Revoke lists the collaborators first. If "jo" is one, it does not revoke, and the error matches
// ErrAmbiguousName. Afterwards it lists them again and returns such an error if the user still has the right.
//
//deis:operation v1.6,v2.2,v2.3 DELETE /apps/{app}/perms/{username}
func (s *Service) Revoke(ctx context.Context, app, username string, opts ...rest.CallOption) error {
	return s.revoke(ctx, rest.Path("apps", app, "perms", username).NoSlash(), username, opts, func(opts []rest.CallOption) ([]string, error) {
		return s.List(ctx, app, opts...)
	})
}

// Admins returns one page of the administrators. Only an administrator may list them.
//
//deis:operation v1.6,v2.2,v2.3 GET /admin/perms/
func (s *Service) Admins(ctx context.Context, o ListOptions, opts ...rest.CallOption) (*rest.Page[Admin], error) {
	return rest.List[Admin](ctx, s.client, rest.Path("admin", "perms"), o, opts...)
}

// AllAdmins ranges over the administrators; see rest.All.
func (s *Service) AllAdmins(ctx context.Context, o ListOptions, opts ...rest.CallOption) iter.Seq2[Admin, error] {
	return rest.All[Admin](ctx, s.client, rest.Path("admin", "perms"), o, opts...)
}

// GrantAdmin makes a user an administrator. Only an administrator may grant that. Granting twice does no harm. The
// error matches rest.ErrNotFound if there is no such user.
//
//deis:operation v1.6,v2.2,v2.3 POST /admin/perms
func (s *Service) GrantAdmin(ctx context.Context, username string, opts ...rest.CallOption) error {
	return s.grant(ctx, rest.Path("admin", "perms").NoSlash(), username, opts)
}

// RevokeAdmin makes an administrator an ordinary user. Only an administrator may revoke that. The last administrator
// can revoke their own right: then the next user to register becomes one. For a user who is not an administrator it
// does nothing. It treats names that contain '.', '@' or '+' as Revoke does.
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

// revoke removes a right of a user. holders lists the users who have it.
func (s *Service) revoke(ctx context.Context, at rest.Endpoint, username string, opts []rest.CallOption, holders func([]rest.CallOption) ([]string, error)) error {
	cut := strings.IndexAny(username, ".@+")
	if cut < 0 || at.Err() != nil {
		return rest.Delete(ctx, s.client, at, opts...)
	}
	other := username[:cut] // the user for whom a Controller may mistake this one
	if other == "" {
		return rest.InvalidArgument(fmt.Sprintf("username %.100q", username), "must not begin with . @ or + to be revoked")
	}
	listOpts := append(slices.Clone(opts), rest.WithoutResponse())
	look := rest.WithLook(func(context.Context) error {
		before, err := holders(listOpts)
		if err == nil && slices.Contains(before, other) {
			err = fmt.Errorf("%w: nothing was sent to revoke the right of %s, because %s has it, too", ErrAmbiguousName, username, other)
		}
		return err
	})
	err := rest.Delete(ctx, s.client, at, append(slices.Clone(opts), look, rest.WithUnknownPath())...)
	if errors.Is(err, rest.ErrNotFound) || errors.Is(err, rest.ErrForbidden) {
		return fmt.Errorf("%w (many Controllers cannot revoke the right of a user whose name has a . @ or +)", err)
	}
	if err != nil {
		return err
	}
	after, err := holders(listOpts)
	switch {
	case errors.Is(err, rest.ErrForbidden): // it was the caller's own right
		return nil
	case err != nil:
		return fmt.Errorf("deis: it is not known whether the right of %s was revoked: %w", username, err)
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
