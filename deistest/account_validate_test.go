package deistest_test

import "testing"

func TestAccountFields(t *testing.T) {
	const (
		chars16 = "400 Enter a valid username."
		chars22 = "400 This value may contain only letters, numbers and @/./+/-/_ characters."
		chars23 = "400 This value may contain only letters, numbers, and @/./+/-/_ characters."
		taken2  = "400 A user with that username already exists."
		noEmail = "400 Enter a valid email address."
	)
	account := func(fields string) string { return `{"password": "pw", "email": "y@example.com", ` + fields + `}` }
	email := func(value string) string { return `{"username": "y", "password": "pw", "email": ` + value + `}` }
	validate(t, "POST /auth/register/", nil, []fieldInput{
		{account(`"username": "under_score"`), "201", "201", "201"},
		{account(`"username": "amy@corp+x.y-z"`), "201", "201", "201"},
		{account(`"username": "ALICE"`), `201 "ALICE"`, `201 "ALICE"`, `201 "ALICE"`},
		{account(`"username": "  trimmed  "`), chars16, `201 "username":"trimmed"`, `201 "username":"trimmed"`},
		{account(`"username": "nl\n"`), `201 "username":"nl\n"`, `201 "username":"nl"`, `201 "username":"nl"`},
		{account(`"username": "fränk"`), chars16, `201 "fränk"`, `201 "fränk"`},
		{account(`"username": "a b"`), chars16, chars22, chars23},
		{account(`"username": "a/b"`), chars16, chars22, chars23},
		{account(`"username": 12345`), `201 "username":"12345"`, `201 "username":"12345"`, `201 "username":"12345"`},
		{account(`"username": true`), `201 "username":"True"`, notText, notText},
		{account(`"username": ["a"]`), chars16, notText, notText},
		{account(`"username": null`), notNull, notNull, notNull},
		{account(`"username": ""`), notBlank, notBlank, notBlank},
		{account(`"username": "  "`), chars16, notBlank, notBlank},
		{`{"password": "pw", "email": ""}`, required, required, required},
		{account(`"username": "alice"`), notUnique, taken2, taken2},
		{account(`"username": " alice"`), chars16, taken2, taken2},
		{account(`"username": "` + long(30) + `"`), "201", "201", "201"},
		{account(`"username": "` + long(31) + `"`), atMost(30), atMost(30), "201"},
		{account(`"username": "` + long(150) + `"`), atMost(30), atMost(30), "201"},
		{account(`"username": "` + long(151) + `"`), atMost(30), atMost(30), atMost(150)},
		{account(`"username": "y", "first_name": "` + long(30) + `"`), "201", "201", "201"},
		{account(`"username": "y", "first_name": "` + long(31) + `"`), atMost(30), atMost(30), atMost(30)},
		{account(`"username": "y", "last_name": "` + long(31) + `"`), atMost(30), atMost(30), "201"},
		{account(`"username": "y", "last_name": "` + long(151) + `"`), atMost(30), atMost(30), atMost(150)},
		{account(`"username": "y", "first_name": null`), notNull, notNull, notNull},
		{account(`"username": "y", "first_name": 5`), `201 "first_name":"5"`, `201 "first_name":"5"`, `201 "first_name":"5"`},
		{account(`"username": "y", "first_name": ""`), "201", "201", "201"},
		{account(`"username": "y", "is_superuser": true`), `201 "is_superuser":false`, `201 "is_superuser":false`, `201 "is_superuser":false`},
		{`{"username": "y", "email": "", "password": ""}`, notBlank, notBlank, notBlank},
		{`{"username": "y", "email": "", "password": "   "}`, "201", notBlank, notBlank},
		{`{"username": "y", "email": "", "password": "` + long(128) + `"}`, "201", "201", "201"},
		{`{"username": "y", "email": "", "password": "` + long(129) + `"}`, atMost(128), atMost(128), atMost(128)},
		{`{"username": "y", "email": "", "password": 12345}`, "201", "201", "201"},
		{`{"username": "y", "email": "", "password": true}`, "201", notText, notText},
		{`{"username": "y", "password": "pw"}`, crash16, crash, crash},
		{email(`""`), "201", "201", "201"},
		{email(`"nope"`), noEmail, noEmail, noEmail},
		{email(`"a@b"`), noEmail, noEmail, noEmail},
		{email(`"a@localhost"`), "201", "201", "201"},
		{email(`"a b@example.com"`), noEmail, noEmail, noEmail},
		{email(`"a@-b.com"`), noEmail, noEmail, noEmail},
		{email(`" a@example.com "`), noEmail, `201 "email":"a@example.com"`, `201 "email":"a@example.com"`},
		{email(`null`), notNull, notNull, notNull},
		{email(`"` + long(63) + `@` + `example.com"`), "201", "201", "201"},
		{email(`"` + long(64) + `@` + `example.com"`), atMost(75), "201", "201"},
		{`[1]`, notObject + "list.", notObject + "list.", notObject + "list."},
	})
}

func TestLoginFields(t *testing.T) {
	const wrong = "400 Unable to log in with provided credentials."
	spaces := []string{`POST /auth/register/ {"username": "spacey", "password": "  pw  ", "email": ""}`}
	validate(t, "POST /auth/login/", spaces, []fieldInput{
		{`{"username": "spacey", "password": "  pw  "}`, "200", "200", wrong},
		{`{"username": "spacey", "password": "pw"}`, wrong, "200", "200"},
		{`{"username": " alice ", "password": "pw"}`, wrong, "200", "200"},
		{`{"username": "alice", "password": "no"}`, wrong, wrong, wrong},
		{`{"username": "nobody", "password": "pw"}`, wrong, wrong, wrong},
		{`{"username": "alice"}`, required, required, required},
		{`{"username": "", "password": ""}`, notBlank, notBlank, notBlank},
		{`{"username": null, "password": "pw"}`, notNull, notNull, notNull},
		{`{"username": true, "password": "pw"}`, wrong, notText, notText},
	})
	raw := []string{`POST /auth/passwd/ {"username": "alice", "new_password": " x "}`}
	validate(t, "POST /auth/login/", raw, []fieldInput{
		{`{"username": "alice", "password": " x "}`, "200", wrong, "200"},
		{`{"username": "alice", "password": "x"}`, wrong, wrong, wrong},
	})
}

func TestPasswordChanges(t *testing.T) {
	const newRequired = "400 new_password is a required field"
	validate(t, "POST /auth/passwd/", nil, []fieldInput{
		{`{"username": "alice", "new_password": "x"}`, "200 password set", "200 password set", "200 password set"},
		{`{"username": "nobody", "new_password": "x"}`, "404", "404", "404"},
		{`{"new_password": "x"}`, "200", "200", "200"},
		{`{"username": "alice", "password": "no", "new_password": "x"}`, "400 Current password does not match", "200", "200"},
		{`{}`, crash16, newRequired, newRequired},
		{`{"new_password": ""}`, "200", newRequired, newRequired},
		{`{"new_password": null}`, "-", newRequired, newRequired},
		{`[1]`, crash16, crash, crash},
	})
}

func TestPermissionFields(t *testing.T) {
	for _, path := range []string{"/apps/example-go/perms/", "/admin/perms/"} {
		validate(t, "POST "+path, []string{anApp}, []fieldInput{
			{`{"username": "alice"}`, "201", "201", "201"},
			{`{"username": " alice "}`, "404", "404", "404"},
			{`{"username": "nobody"}`, "404", "404", "404"},
			{`{"username": 5}`, "404", "404", "404"},
			{`{}`, crash16, crash, crash},
			{`[1]`, crash16, crash, crash},
		})
	}
}
