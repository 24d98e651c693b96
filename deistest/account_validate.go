package deistest

import "regexp"

// The fields of a new account. In API 2.3, a password is trimmed when it is set but not at login.
var (
	usernameField = byVersion[textField]{
		v1_6: textField{maxLength: 30,
			rules: []rule{matching(`^[\w.@+-]+$`, "Enter a valid username.")},
			taken: &uniqueness{usernameTaken, mustBeUnique}},
		v2_2: textField{maxLength: 30,
			rules: []rule{matching(`^[\pL\pN_.@+-]+$`, "Enter a valid username. "+
				"This value may contain only letters, numbers and @/./+/-/_ characters.")},
			taken: &uniqueness{usernameTaken, "A user with that username already exists."}},
		early: true,
		v2_3: textField{maxLength: 150,
			rules: []rule{matching(`^[\pL\pN_.@+-]+$`, "Enter a valid username. "+
				"This value may contain only letters, numbers, and @/./+/-/_ characters.")},
			taken: &uniqueness{usernameTaken, "A user with that username already exists."}},
	}
	passwordField = inAll(textField{maxLength: 128})
	emailField    = byVersion[textField]{
		v1_6: textField{optional: true, blank: true, maxLength: 75, lastRules: []rule{email}},
		v2_2: textField{optional: true, blank: true, maxLength: 254, lastRules: []rule{email}},
		v2_3: textField{optional: true, blank: true, maxLength: 254, lastRules: []rule{email}},
	}
	firstNameField = inAll(textField{optional: true, blank: true, maxLength: 30})
	lastNameField  = byVersion[textField]{
		v1_6: textField{optional: true, blank: true, maxLength: 30},
		v2_2: textField{optional: true, blank: true, maxLength: 30},
		v2_3: textField{optional: true, blank: true, maxLength: 150},
	}

	loginPasswordField = byVersion[textField]{v1_6: required, v2_2: required, v2_3: textField{raw: true}}
)

// email is Django's rule for an address: atoms or a quoted string, then a host name, localhost or an IP in brackets.
func email(text string) (problem string) {
	if address.MatchString(text) {
		return ""
	}
	return "Enter a valid email address."
}

var address = regexp.MustCompile(`(?i)^([-!#$%&'*+/=?^_{}|~0-9A-Z\x60]+(\.[-!#$%&'*+/=?^_{}|~0-9A-Z\x60]+)*|"[^"\\\s]*")` +
	`@(localhost|\[[0-9a-f.:]+\]|([\pL\pN]([\pL\pN-]{0,61}[\pL\pN])?\.)+[\pL\pN-]{1,62}[\pL\pN])$`)

func usernameTaken(c *Controller, name string) bool { return c.userNamed(name) != nil }

// accountFields reads the fields of a new account. An email address is required, but real Controllers leave that to the
// database, and crash if it is missing.
func (s *serializer) accountFields() (u user, hasEmail bool) {
	_, hasEmail = s.data["email"]
	return user{
		username: s.text("username", usernameField), password: s.text("password", passwordField),
		email:     s.text("email", emailField),
		firstName: s.text("first_name", firstNameField), lastName: s.text("last_name", lastNameField),
	}, hasEmail
}
