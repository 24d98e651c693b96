// Package perms manages who may work on an app beside its owner, and who administers the Controller.
//
// Document: "Permissions" in both API documents. The two versions differ in nothing that a caller sees.
package perms

import (
	"context"
	"iter"

	"github.com/deisgo/deis/rest"
)

// Service manages permissions. Use it as Client.Perms; it is safe for concurrent use.
type Service struct{ client *rest.Client }

// New returns a service on a client of one's own. Programs use Client.Perms.
func New(client *rest.Client) *Service { return &Service{client} }

// An Admin is a user with administrative privileges.
type Admin struct {
	Username    string `json:"username"`
	IsSuperuser bool   `json:"is_superuser"`
}

// ListOptions choose a page; see rest.ListOptions.
type ListOptions = rest.ListOptions

// List returns the names of the users who may work on an app. Its owner is not among them, unless granted too. The
// list has no pages.
//
//deis:operation v1.6,v2.2 GET /apps/{app}/perms/
func (s *Service) List(ctx context.Context, app string, opts ...rest.CallOption) ([]string, error) {
	answer, err := rest.Get[struct {
		Users []string `json:"users"`
	}](ctx, s.client, rest.Path("apps", app, "perms"), opts...)
	if err != nil {
		return nil, err
	}
	return answer.Users, nil
}

// Grant lets a user work on an app. Only its owner and administrators may grant. It does no harm to grant twice. The
// error matches rest.ErrNotFound if there is no such app, or no such user (real 2.2 Controllers). See Revoke for names that
// cannot be revoked.
//
//deis:operation v1.6,v2.2 POST /apps/{app}/perms/
func (s *Service) Grant(ctx context.Context, app, username string, opts ...rest.CallOption) error {
	return s.grant(ctx, rest.Path("apps", app, "perms"), username, opts)
}

// Revoke takes an app from a user. Collaborators may revoke their own right. Real Controllers answer 403 if the user
// has no such right. A username with other characters than letters, digits, - and _ cannot be revoked through the API:
// for "jo.hn" real Controllers would take the right from "jo".
//
//deis:operation v1.6,v2.2 DELETE /apps/{app}/perms/{username}
func (s *Service) Revoke(ctx context.Context, app, username string, opts ...rest.CallOption) error {
	return rest.Delete(ctx, s.client, rest.Path("apps", app, "perms", username).NoSlash(), opts...)
}

// Admins returns one page of the administrators. Only an administrator may ask.
//
//deis:operation v1.6,v2.2 GET /admin/perms/
func (s *Service) Admins(ctx context.Context, o ListOptions, opts ...rest.CallOption) (*rest.Page[Admin], error) {
	return rest.List[Admin](ctx, s.client, rest.Path("admin", "perms"), o, opts...)
}

// AllAdmins ranges over the administrators; see rest.All.
func (s *Service) AllAdmins(ctx context.Context, o ListOptions, opts ...rest.CallOption) iter.Seq2[Admin, error] {
	return rest.All[Admin](ctx, s.client, rest.Path("admin", "perms"), o, opts...)
}

// GrantAdmin makes a user an administrator. Only an administrator may. It does no harm to do it twice.
//
//deis:operation v1.6,v2.2 POST /admin/perms
func (s *Service) GrantAdmin(ctx context.Context, username string, opts ...rest.CallOption) error {
	return s.grant(ctx, rest.Path("admin", "perms").NoSlash(), username, opts)
}

// RevokeAdmin makes an administrator an ordinary user. The last one can do it to themselves: then the next user to
// register becomes administrator (real v1.6 Controllers). For a user who is none it does nothing. Usernames are limited as
// for Revoke.
//
//deis:operation v1.6,v2.2 DELETE /admin/perms/{username}
func (s *Service) RevokeAdmin(ctx context.Context, username string, opts ...rest.CallOption) error {
	return rest.Delete(ctx, s.client, rest.Path("admin", "perms", username).NoSlash(), opts...)
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
