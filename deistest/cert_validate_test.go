package deistest_test

import (
	"fmt"
	"testing"
)

func TestCertificateFields(t *testing.T) {
	const (
		name  = "400 Can only contain a-z (lowercase), 0-9 and hyphens"
		taken = "400 certificate with this name already exists."
	)
	key := fmt.Sprintf("%q", privateKey(t))
	cert := func(fields, certificate, key string) string {
		return `{` + fields + `, "certificate": ` + certificate + `, "key": ` + key + `}`
	}
	named := func(fields string) string { return cert(fields, `"<foo.com>"`, key) }
	one := []string{"POST /certs/ " + cert(`"name": "taken", "common_name": "bar.com"`, `"<bar.com>"`, key)}
	validate(t, "POST /certs/", one, []fieldInput{
		{named(`"name": "foo"`), `201 "common_name":"foo.com"`, `201 "name":"foo"`, `201 "name":"foo"`},
		{named(`"name": " foo "`), "201", `201 "name":"foo"`, `201 "name":"foo"`},
		{named(`"name": "-x-"`), "201", "201", "201"},
		{named(`"name": 5`), "201", `201 "name":"5"`, `201 "name":"5"`},
		{named(`"name": "Foo"`), "201", name, name},
		{named(`"name": "a.b"`), "201", name, name},
		{named(`"name": "a_b"`), "201", name, name},
		{named(`"name": "` + long(253) + `"`), "201", "201", "201"},
		{named(`"name": "` + long(254) + `"`), "201", atMost(253), atMost(253)},
		{named(`"name": "taken"`), "201", taken, taken},
		{named(`"name": ""`), "201", notBlank, notBlank},
		{named(`"name": null`), "201", notNull, notNull},
		{named(`"name": true`), "201", notText, notText},
		{named(`"x": 1`), "201", required, required},
		{named(`"name": "c", "common_name": "other.com"`), `201 "common_name":"other.com"`, `201 "common_name":"foo.com"`, `201 "common_name":"foo.com"`},
		{named(`"name": "c", "common_name": "bar.com"`), notUnique, "201", "201"},
		{named(`"name": "c", "common_name": ""`), notBlank, "201", "201"},
		{named(`"name": "c", "common_name": null`), notNull, "201", "201"},
		{named(`"name": "c", "domains": ["x"], "san": ["y"]`), "201", `201 "domains":[]`, `201 "domains":[]`},
		{cert(`"name": "same"`, `"<bar.com>"`, key), crash16, "201", "201"},
		{cert(`"name": "nocn"`, `"<nobody>"`, key), crash16, crash, `201 "common_name":null`},
		{cert(`"name": "c"`, `"nope"`, key), "400 Could not load certificate: [('PEM routines', 'PEM_read_bio', 'no start line')]",
			"400 Could not load certificate: [('PEM routines', '', 'no start line')]", "400 Could not load certificate: [('PEM routines', 'get_name', 'no start line')]"},
		{cert(`"name": "c"`, `""`, key), notBlank, notBlank, notBlank},
		{cert(`"name": "c"`, `null`, key), notNull, notNull, notNull},
		{cert(`"name": "c"`, `"<foo.com>"`, `"nope"`), "201", "201", "400 Could not load private key: [('PEM routines', 'get_name', 'no start line')]"},
		{cert(`"name": "c"`, `"<foo.com>"`, `"<foo.com>"`), "201", "201", "400 Could not load private key: "},
		{cert(`"name": "c"`, `"<foo.com>"`, `""`), notBlank, notBlank, notBlank},
		{cert(`"name": "c"`, `"<foo.com>"`, `true`), "201", notText, notText},
		{`{"name": "c"}`, required, required, required},
		{`[1]`, notObject + "list.", notObject + "list.", notObject + "list."},
	})
}
