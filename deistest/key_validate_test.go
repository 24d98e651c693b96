package deistest_test

import "testing"

func TestKeyFields(t *testing.T) {
	const (
		base64, padding = "400 Key contains invalid base64 chars", "400 Incorrect padding"
		inUse           = "400 Public Key is already in use"
	)
	public := func(s string) string { return `{"id": "k", "public": ` + s + `}` }
	one := []string{`POST /keys/ {"id": "taken", "public": "ssh-rsa AAAA first"}`}
	validate(t, "POST /keys/", one, []fieldInput{
		{public(`"ssh-rsa BBBB me@host"`), "201", "201", "201"},
		{public(`"ssh-rsa BBBB"`), "201", "201", "201"},
		{public(`" ssh-rsa BBBB "`), `201 "public":" ssh-rsa BBBB "`, `201 "public":"ssh-rsa BBBB"`, `201 "public":"ssh-rsa BBBB"`},
		{public(`"ssh-rsa !!!"`), `201 "fingerprint":"d4:1d:8c:d9:8f:00:b2:04:e9:80:09:98:ec:f8:42:7e"`, "201", "201"},
		{public(`"ssh-rsa"`), "400 list index out of range", base64, base64},
		{public(`"ssh-rsa abc c"`), padding, base64, base64},
		{public(`"ssh-rsa AAAA first"`), notUnique, inUse, inUse},
		{public(`" ssh-rsa AAAA first"`), crash16, inUse, inUse},
		{public(`"ssh-rsa AAAA second"`), crash16, crash, crash},
		{public(`""`), notBlank, notBlank, notBlank},
		{public(`null`), notNull, notNull, notNull},
		{public(`["x"]`), "400 list index out of range", notText, notText},
		{public(`5`), "400 list index out of range", base64, base64},
		{`{"id": " k ", "public": "ssh-rsa BBBB"}`, `201 "id":" k "`, `201 "id":"k"`, `201 "id":"k"`},
		{`{"id": "Any Thing/!", "public": "ssh-rsa BBBB"}`, "201", "201", "201"},
		{`{"id": 5, "public": "ssh-rsa BBBB"}`, `201 "id":"5"`, `201 "id":"5"`, `201 "id":"5"`},
		{`{"id": "taken", "public": "ssh-rsa BBBB"}`, "201", "201", "400 SSH Key with this id already exists."},
		{`{"id": "` + long(128) + `", "public": "ssh-rsa BBBB"}`, "201", "201", "201"},
		{`{"id": "` + long(129) + `", "public": "ssh-rsa BBBB"}`, atMost(128), atMost(128), atMost(128)},
		{`{"id": "", "public": "ssh-rsa BBBB"}`, notBlank, notBlank, notBlank},
		{`{"id": null, "public": "ssh-rsa BBBB"}`, notNull, notNull, notNull},
		{`{"id": true, "public": "ssh-rsa BBBB"}`, `201 "id":"True"`, notText, notText},
		{`{}`, required, required, required},
		{`[1]`, notObject + "list.", notObject + "list.", notObject + "list."},
	})
}
