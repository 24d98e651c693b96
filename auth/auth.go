// Package auth manages accounts: it registers them, logs in, changes passwords and tokens, and cancels accounts.
//
//	user, err := client.Auth.Register(ctx, auth.RegisterParams{Username: "test", Password: password})
//	…
//	client, err = deis.Login(ctx, "https://deis.example.com", "test", password)
//
// API documents: "Authentication". Whoami needs API 2.2.
package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/users"
	"github.com/deisgo/deis/version"
)

// Service manages accounts. Use it as Client.Auth; it is safe for concurrent use.
type Service struct{ client *rest.Client }

// New returns a Service that uses client. Programs use Client.Auth.
func New(client *rest.Client) *Service { return &Service{client} }

// RegisterParams describe a new account. Neither their printed form nor their JSON shows the password.
type RegisterParams struct {
	Username  string `json:"username"` // letters, digits and @ . + - _, at most 30 characters; 150 in 2.3
	Password  string `json:"-"`        // 1 to 128 characters
	Email     string `json:"email"`    // may be empty
	FirstName string `json:"first_name,omitempty"`
	LastName  string `json:"last_name,omitempty"`

	// AsAdmin sends the client's token, for a Controller where only administrators may register users. Otherwise
	// Register sends none.
	AsAdmin bool `json:"-"`
}

// String shows the parameters without the password.
func (p RegisterParams) String() string {
	return fmt.Sprintf("{Username:%s Password:[redacted] Email:%s FirstName:%s LastName:%s}", p.Username, p.Email, p.FirstName, p.LastName)
}

// GoString does the same for %#v.
func (p RegisterParams) GoString() string { return "auth.RegisterParams" + p.String() }

// PasswordParams describe a change of a password. Neither their printed form nor their JSON shows the passwords.
type PasswordParams struct {
	Password    string `json:"-"`                  // the current one; an administrator may leave it out
	NewPassword string `json:"-"`                  // the new one
	Username    string `json:"username,omitempty"` // whose password; empty means the caller's. Only an administrator may name another user
}

// String shows the parameters without the passwords.
func (p PasswordParams) String() string {
	return fmt.Sprintf("{Password:[redacted] NewPassword:[redacted] Username:%s}", p.Username)
}

// GoString does the same for %#v.
func (p PasswordParams) GoString() string { return "auth.PasswordParams" + p.String() }

// TokenParams say whose token to replace: the caller's if neither field is set. Set at most one.
type TokenParams struct {
	Username string // whose token; only administrators may set it, even to their own name
	All      bool   // everybody's, including the caller's; only administrators may set it
}

// CancelParams say whose account to cancel.
type CancelParams struct {
	Username string // empty means the caller; only an administrator may name another user
}

// Reasons for failure. Match them with errors.Is.
var (
	// ErrInvalidCredentials means that there is no such user, or that the password is wrong.
	ErrInvalidCredentials error = &rest.Reason{
		Message:  "wrong username or password",
		Status:   400,
		Wordings: []rest.Wording{{Field: "non_field_errors", Text: "Unable to log in with provided credentials"}},
	}
	// ErrUsernameTaken means that a user of that name exists.
	ErrUsernameTaken error = &rest.Reason{
		Message: "the username is taken",
		Status:  400,
		Wordings: []rest.Wording{
			{Field: "username", Text: "This field must be unique"},
			{Field: "username", Text: "A user with that username already exists"},
		},
	}
	// ErrOwnsApps means that the account owns apps: delete or transfer them first (API 2.x).
	ErrOwnsApps error = &rest.Reason{
		Message:  "the account owns apps",
		Status:   409,
		Wordings: []rest.Wording{{Text: "still has applications assigned"}},
	}
	// ErrOwnsRecords means that releases, builds or config that the account made in other users' apps, or its
	// certificates, still exist. The account can be cancelled only after those apps and certificates are deleted. API
	// 2.3, servers since Workflow v2.9.
	ErrOwnsRecords error = &rest.Reason{
		Message:  "releases, builds, config or certificates that the account made still exist",
		Status:   409,
		Wordings: []rest.Wording{{Text: "referenced through a protected foreign key"}},
	}
)

// Register makes an account; it does not log in. While a Controller has no administrator, the next user to register
// becomes one. The error matches ErrUsernameTaken if the name is taken, and rest.ErrForbidden if registration is
// closed, or is open to administrators only and AsAdmin is not set.
//
// In API 2.x Register refuses a password with leading or trailing spaces: real Controllers trim it, and since Workflow
// v2.17 they do not trim it at login.
//
//deis:operation v1.6,v2.2,v2.3 POST /auth/register/
func (s *Service) Register(ctx context.Context, p RegisterParams, opts ...rest.CallOption) (*users.User, error) {
	switch {
	case p.Username == "":
		return nil, rest.InvalidArgument("username", "must not be empty")
	case p.Password == "":
		return nil, rest.InvalidArgument("password", "must not be empty")
	}
	if err := s.checkSpaces(ctx, "password", p.Password); err != nil {
		return nil, err
	}
	request := registerRequest{RegisterParams: p, Password: p.Password}
	if p.AsAdmin {
		opts = append(slices.Clone(opts), rest.WithSecrets(p.Password))
	} else {
		opts = anonymous(opts, p.Password)
	}
	user, err := rest.Post[users.User](ctx, s.client, rest.Path("auth", "register"), request, opts...)
	if errors.Is(err, rest.ErrForbidden) && !p.AsAdmin {
		err = fmt.Errorf("%w: registration is closed, or open to administrators only: see RegisterParams.AsAdmin", err)
	}
	return user, err
}

// checkSpaces refuses a password with leading or trailing spaces in API 2.x. The error does not show the password.
func (s *Service) checkSpaces(ctx context.Context, argument, password string) error {
	isSpace := func(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f } // what Python's strip removes
	if strings.TrimFunc(password, isSpace) == password {
		return nil
	}
	api, err := s.client.Negotiate(ctx)
	if err == nil && api.Major >= 2 {
		err = rest.InvalidArgument(argument, "must not begin or end with a space in API 2.x: the user could not log in with it")
	}
	return err
}

// A registerRequest always has an email: real Controllers respond with 500 if it is missing.
type registerRequest struct {
	RegisterParams
	Password string `json:"password"`
}

// Login returns the user's token, which stays the same until RegenerateToken replaces it. It sends no token, because
// real Controllers refuse a login that comes with a stale one. The client keeps its own token; to get a client with the
// new one, use deis.Login, or Client.With and deis.WithToken. The error matches ErrInvalidCredentials if the username
// or the password is wrong.
//
//deis:operation v1.6,v2.2,v2.3 POST /auth/login/
func (s *Service) Login(ctx context.Context, username, password string, opts ...rest.CallOption) (string, error) {
	switch {
	case username == "":
		return "", rest.InvalidArgument("username", "must not be empty")
	case password == "":
		return "", rest.InvalidArgument("password", "must not be empty")
	}
	got, err := rest.Post[tokenResponse](ctx, s.client, rest.Path("auth", "login"), struct {
		Username string `json:"username"`
		Password string `json:"password"`
	}{username, password}, append(anonymous(opts, password), rest.WithSecretResponse())...)
	if err != nil {
		return "", err
	}
	return got.Token, nil
}

// A tokenResponse is {"token": "…"}.
type tokenResponse struct{ Token string }

func (a *tokenResponse) UnmarshalJSON(data []byte) error {
	var object struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal(data, &object); err != nil {
		return err
	}
	if object.Token == "" {
		return fmt.Errorf("no token in it")
	}
	a.Token = object.Token
	return nil
}

// anonymous adds the options to send no token and to keep the password secret.
func anonymous(opts []rest.CallOption, password string) []rest.CallOption {
	return append(slices.Clone(opts), rest.WithoutToken(), rest.WithSecrets(password))
}

// Whoami returns the caller's account. API 2.2 and newer: in older versions the error is a *version.UnsupportedError.
//
//deis:operation v2.2,v2.3 GET /auth/whoami/
func (s *Service) Whoami(ctx context.Context, opts ...rest.CallOption) (*users.User, error) {
	if err := s.client.Require(ctx, "whoami", version.V2_2); err != nil {
		return nil, err
	}
	return rest.Get[users.User](ctx, s.client, rest.Path("auth", "whoami"), opts...)
}

// ChangePassword changes a password. Tokens stay valid. If the current password is wrong, v1.6 Controllers respond with
// 400 and 2.x Controllers with 401.
//
// In API 2.x ChangePassword refuses a new password with leading or trailing spaces: real Controllers before
// Workflow v2.17 store it as it is but trim it at login, so that the user could never log in again.
//
//deis:operation v1.6,v2.2,v2.3 POST /auth/passwd/
func (s *Service) ChangePassword(ctx context.Context, p PasswordParams, opts ...rest.CallOption) error {
	if p.NewPassword == "" {
		return rest.InvalidArgument("new password", "must not be empty")
	}
	if err := s.checkSpaces(ctx, "new password", p.NewPassword); err != nil {
		return err
	}
	_, err := rest.Post[passwordResponse](ctx, s.client, rest.Path("auth", "passwd"), struct {
		Password    string `json:"password,omitempty"`
		NewPassword string `json:"new_password"`
		Username    string `json:"username,omitempty"`
	}{p.Password, p.NewPassword, p.Username}, append(slices.Clone(opts), rest.WithSecrets(p.Password, p.NewPassword))...)
	return err
}

// A passwordResponse is {"status": "password set"}, or empty as documented.
type passwordResponse struct{}

func (passwordResponse) UnmarshalJSON(data []byte) error {
	var object struct {
		Status string `json:"status"`
	}
	if json.Unmarshal(data, &object) != nil || object.Status == "" {
		return errors.New("it is not that of a password change")
	}
	return nil
}

// MayBeEmpty makes package rest accept an empty response.
func (passwordResponse) MayBeEmpty() {}

// RegenerateToken replaces a token and returns the new one, or "" if it replaced everybody's. If it replaced the
// caller's, this client's token is no longer valid: use Client.With and deis.WithToken with the new one, or log in
// again. If the response means that everybody's token was replaced although p does not say so, that is an error.
//
//deis:operation v1.6,v2.2,v2.3 POST /auth/tokens/
func (s *Service) RegenerateToken(ctx context.Context, p TokenParams, opts ...rest.CallOption) (string, error) {
	// Real Controllers replace everybody's token whenever "all" is present, even if it is false or there is a username.
	var request struct {
		Username string `json:"username,omitempty"`
		All      string `json:"all,omitempty"`
	}
	request.Username = p.Username
	if p.All {
		request.All = "true"
	}
	if p.All && p.Username != "" {
		return "", rest.InvalidArgument("TokenParams", "must not have both Username and All")
	}
	got, err := rest.Post[newTokenResponse](ctx, s.client, rest.Path("auth", "tokens"), request, append(slices.Clone(opts), rest.WithSecretResponse())...)
	if err != nil {
		return "", err
	}
	if got.Token == "" && !p.All {
		return "", errors.New("deis: POST /auth/tokens/: the response has no token: the Controller has replaced everybody's token, including the caller's: log in again")
	}
	return got.Token, nil
}

// A newTokenResponse is a tokenResponse, or "" where everybody's token was replaced.
type newTokenResponse struct{ tokenResponse }

func (a *newTokenResponse) UnmarshalJSON(data []byte) error {
	if string(data) == `""` {
		return nil
	}
	return a.tokenResponse.UnmarshalJSON(data)
}

// Cancel destroys an account. If Username is empty, that is the caller's own account: check a variable before you put it
// there.
//
// In 2.x the error matches ErrOwnsApps if the account owns apps. If it owns certificates, or has made releases in other
// users' apps, the error matches ErrOwnsRecords in 2.3; real Controllers before Workflow v2.9 respond with 500. A v1.6
// Controller destroys all of that with the account: its apps, which v1.6 cannot transfer, and its builds, releases,
// containers and domains in other users' apps.
//
//deis:operation v1.6,v2.2,v2.3 DELETE /auth/cancel/
func (s *Service) Cancel(ctx context.Context, p CancelParams, opts ...rest.CallOption) error {
	if p.Username != "" { // an empty one would cancel the caller
		opts = append(slices.Clone(opts), rest.WithBody(struct {
			Username string `json:"username"`
		}{p.Username}))
	}
	return rest.Delete(ctx, s.client, rest.Path("auth", "cancel"), opts...)
}
