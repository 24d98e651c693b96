package deistest_test

import "testing"

func TestConfigValues(t *testing.T) {
	const (
		key       = "400 Config keys must start with a letter or underscore and only contain [A-z0-9_]"
		numeric   = "400 PORT can only be a numeric value"
		ofRange   = "400 PORT needs to be between 1 and 65535"
		path      = "400 HEALTHCHECK_URL can only be a URI path (such as /healthz) that does not contain other things"
		noPath    = "400 HEALTHCHECK_URL is missing a URI path (such as /healthz). Without it no health check can be done"
		unchanged = "409 admin changed nothing - release stopped"
	)
	set := []string{anApp, `POST /apps/example-go/config/ {"values": {"SET": "1"}}`}
	validate(t, "POST /apps/example-go/config/", set, []fieldInput{
		{`{"values": {"A": "x"}}`, `201 "A":"x"`, `201 "A":"x"`, `201 "A":"x"`},
		{`{"values": {"_a1": "x"}}`, "201", "201", "201"},
		{`{"values": {"A": ""}}`, `201 "A":""`, `201 "A":""`, `201 "A":""`},
		{`{"values": {"A": "  x\n"}}`, `201 "A":"  x\n"`, `201 "A":"  x\n"`, `201 "A":"  x\n"`},
		{`{"values": {"A": 5}}`, `201 "A":"5"`, `201 "A":"5"`, `201 "A":"5"`},
		{`{"values": {"A": 1.5}}`, `201 "A":"1.5"`, `201 "A":"1.5"`, `201 "A":"1.5"`},
		{`{"values": {"A": 1.50}}`, `201 "A":"1.5"`, `201 "A":"1.5"`, `201 "A":"1.5"`},
		{`{"values": {"A": 2.0}}`, `201 "A":"2.0"`, `201 "A":"2.0"`, `201 "A":"2.0"`},
		{`{"values": {"A": 1e3}}`, `201 "A":"1000.0"`, `201 "A":"1000.0"`, `201 "A":"1000.0"`},
		{`{"values": {"A": 1e16}}`, `201 "A":"1e+16"`, `201 "A":"1e+16"`, `201 "A":"1e+16"`},
		{`{"values": {"A": true}}`, `201 "A":"True"`, `201 "A":"True"`, `201 "A":"True"`},
		{`{"values": {"A": [1, "a"]}}`, `201 "A":"[1, u'a']"`, `201 "A":"[1, 'a']"`, `201 "A":"[1, 'a']"`},
		{`{"values": {"A": {"a": 1}}}`, `201 "A":"{u'a': 1}"`, `201 "A":"{'a': 1}"`, `201 "A":"{'a': 1}"`},
		{`{"values": {"1A": "x"}}`, "201", key, key},
		{`{"values": {"A-B": "x"}}`, "201", key, key},
		{`{"values": {"A.B": "x"}}`, "201", key, key},
		{`{"values": {"": "x"}}`, "201", key, key},
		{`{"values": {"É": "x"}}`, crash16, key, key},
		{`{"values": {"A B": "x"}}`, crash16, key, key},
		{`{"values": {"A\n": "x"}}`, crash16, `201 "A\n":"x"`, `201 "A\n":"x"`},
		{`{"values": {"1A": null}}`, "201", "422 1A does not exist under values", "422 1A does not exist under values"},
		{`{"values": {"A": null, "B": "1", "SET": null}}`, `201 "values":{"B":"1"}`, "422 A does not exist under values", "422 A does not exist under values"},
		{`{"values": {"SET": null}}`, "201", "201", "201"},
		{`{"values": {"SET": "1"}}`, "201", unchanged, unchanged},
		{`{"values": {}}`, "201", unchanged, unchanged},
		{`{}`, "201", unchanged, unchanged},
		{`{"values": {"PORT": 80}}`, "201", `201 "PORT":"80"`, `201 "PORT":"80"`},
		{`{"values": {"PORT": "65535"}}`, "201", "201", "201"},
		{`{"values": {"PORT": "65536"}}`, "201", ofRange, ofRange},
		{`{"values": {"PORT": 0}}`, "201", ofRange, ofRange},
		{`{"values": {"PORT": -1}}`, "201", numeric, numeric},
		{`{"values": {"PORT": "abc"}}`, "201", numeric, numeric},
		{`{"values": {"PORT": ""}}`, "201", numeric, numeric},
		{`{"values": {"PORT": " 80"}}`, "201", numeric, numeric},
		{`{"values": {"PORT": 80.5}}`, "201", numeric, numeric},
		{`{"values": {"PORT": true}}`, "201", numeric, numeric},
		{`{"values": {"PORT": "²"}}`, "201", crash, crash},
		{`{"values": {"PORT": "８０"}}`, "201", "201", "201"},
		{`{"values": {"PORT": null}}`, "201", "422 PORT does not exist under values", "422 PORT does not exist under values"},
		{`{"values": {"HEALTHCHECK_URL": "/ok"}}`, `201 "HEALTHCHECK_URL":"/ok"`, `201 "values":{"SET":"1"}`, `201 "values":{"SET":"1"}`},
		{`{"values": {"HEALTHCHECK_URL": "ok"}}`, "201", `201 "path":"ok"`, `201 "path":"ok"`},
		{`{"values": {"HEALTHCHECK_URL": ""}}`, "201", noPath, noPath},
		{`{"values": {"HEALTHCHECK_URL": "?a"}}`, "201", noPath, noPath},
		{`{"values": {"HEALTHCHECK_URL": "http://x"}}`, "201", noPath, noPath},
		{`{"values": {"HEALTHCHECK_URL": "/a?b"}}`, "201", path, path},
		{`{"values": {"HEALTHCHECK_URL": "/a#b"}}`, "201", path, path},
		{`{"values": {"HEALTHCHECK_URL": "http://x/a"}}`, "201", path, path},
		{`{"values": {"HEALTHCHECK_URL": 5}}`, "201", crash, crash},
		{`{"values": {"HEALTHCHECK_TIMEOUT": "5s"}}`, "201", "400 HEALTHCHECK_TIMEOUT can only be a numeric value", "400 HEALTHCHECK_TIMEOUT can only be"},
		{`{"values": {"HEALTHCHECK_FOO": "x"}}`, "201", "400 HEALTHCHECK_FOO can only be a numeric value", "400 HEALTHCHECK_FOO can only be"},
		{`{"values": {"HEALTHCHECK_TIMEOUT": 5}}`, "201", `201 "HEALTHCHECK_TIMEOUT":"5"`, `201 "HEALTHCHECK_TIMEOUT":"5"`},
		{`{"values": "{\"S\":\"1\"}"}`, `201 "S":"1"`, `201 "S":"1"`, `201 "S":"1"`},
		{`{"values": "abc"}`, crash16, crash, crash},
		{`{"values": [1]}`, crash16, crash, crash},
		{`{"values": 5}`, crash16, crash, crash},
		{`{"values": null}`, notNull, notNull, notNull},
		{`{"routable": true}`, "201", crash, crash},
		{`[1]`, crash16, crash, crash},
	})
}

func TestMemoryLimits(t *testing.T) {
	const (
		types16, format = "400 Process types can only contain [a-z]", "400 Limit format: <number><unit>, where unit = B, K, M or G"
		types22         = "400 Process types can only contain alphanumeric"
		types23         = "400 Process types can only contain lowercase alphanumeric characters"
		format23        = "400 Memory limit format: <number><unit> or <number><unit>/<number><unit>, where unit = B, K, M or G"
	)
	validate(t, "POST /apps/example-go/config/", []string{anApp}, []fieldInput{
		{`{"memory": {"web": "128M"}}`, `201 "web":"128M"`, `201 "web":"128M"`, `201 "web":"128M"`},
		{`{"memory": {"web": "1gb"}}`, "201", "201", "201"},
		{`{"memory": {"web": "0B"}}`, "201", "201", "201"},
		{`{"memory": {"web": "128M\n"}}`, "201", "201", "201"},
		{`{"memory": {"web": "128"}}`, format, format, format23},
		{`{"memory": {"web": 128}}`, format, format, format23},
		{`{"memory": {"web": "0"}}`, format, format, "201"},
		{`{"memory": {"web": 0}}`, format, format, "201"},
		{`{"memory": {"web": "128M/256M"}}`, format, format, "201"},
		{`{"memory": {"web": "0/64MB"}}`, format, format, "201"},
		{`{"memory": {"web": "128M/0"}}`, format, format, format23},
		{`{"memory": {"web": "1.5G"}}`, format, format, format23},
		{`{"memory": {"web": "-1M"}}`, format, format, format23},
		{`{"memory": {"web": "1 M"}}`, format, format, format23},
		{`{"memory": {"web": "1T"}}`, format, format, format23},
		{`{"memory": {"web": "1é"}}`, crash16, format, format23},
		{`{"memory": {"web": ""}}`, format, format, format23},
		{`{"memory": {"web": true}}`, format, format, format23},
		{`{"memory": {"web1": "1M"}}`, "201", "201", "201"},
		{`{"memory": {"1": "1M"}}`, types16, "201", "201"},
		{`{"memory": {"a-b": "1M"}}`, "201", types22, "201"},
		{`{"memory": {"a_b": "1M"}}`, "201", types22, types23},
		{`{"memory": {"web/2": "1M"}}`, "201", types22, types23},
		{`{"memory": {"a-": "1M"}}`, "201", types22, types23},
		{`{"memory": {"Web": "1M"}}`, types16, types22, types23},
		{`{"memory": {"": "1M"}}`, types16, types22, types23},
		{`{"memory": {"Web": null}}`, "201", "422 Web does not exist under memory", "422 Web does not exist under memory"},
		{`{"memory": null}`, notNull, notNull, notNull},
		{`{"memory": [1]}`, crash16, crash, crash},
	})
}

func TestCPULimits(t *testing.T) {
	const (
		integer, shares = "400 CPU shares must be an integer", "400 CPU shares must be between 0 and 1024"
		numeric         = "400 CPU shares must be a numeric value"
		format23        = "400 CPU limit format: <value> or <value>/<value>, where value must be a numeric"
	)
	validate(t, "POST /apps/example-go/config/", []string{anApp}, []fieldInput{
		{`{"cpu": {"web": "500"}}`, `201 "web":500`, `201 "web":"500"`, `201 "web":"500"`},
		{`{"cpu": {"web": 500}}`, `201 "web":500`, `201 "web":"500"`, `201 "web":"500"`},
		{`{"cpu": {"web": 0}}`, "201", "201", "201"},
		{`{"cpu": {"web": 1024}}`, "201", "201", "201"},
		{`{"cpu": {"web": 1025}}`, shares, "201", "201"},
		{`{"cpu": {"web": "99999999999999999999"}}`, shares, "201", "201"},
		{`{"cpu": {"web": 2.9}}`, `201 "web":2`, `201 "web":"2.9"`, `201 "web":"2.9"`},
		{`{"cpu": {"web": "0.5"}}`, integer, "201", "201"},
		{`{"cpu": {"web": "500m"}}`, integer, "201", "201"},
		{`{"cpu": {"web": ".5"}}`, integer, "201", "201"},
		{`{"cpu": {"web": "+1"}}`, `201 "web":1`, "201", "201"},
		{`{"cpu": {"web": " 5 "}}`, `201 "web":5`, numeric, format23},
		{`{"cpu": {"web": -0.5}}`, `201 "web":0`, "201", "201"},
		{`{"cpu": {"web": -1}}`, integer, "201", "201"},
		{`{"cpu": {"web": "1500m/2000m"}}`, integer, numeric, "201"},
		{`{"cpu": {"web": "1/2/3"}}`, integer, numeric, format23},
		{`{"cpu": {"web": "1k"}}`, integer, numeric, format23},
		{`{"cpu": {"web": "1."}}`, integer, numeric, format23},
		{`{"cpu": {"web": ""}}`, integer, numeric, format23},
		{`{"cpu": {"web": "fast"}}`, integer, numeric, format23},
		{`{"cpu": {"web": true}}`, `201 "web":1`, numeric, format23},
		{`{"cpu": {"web": {}}}`, crash16, numeric, format23},
		{`{"cpu": {"web": [1]}}`, crash16, numeric, format23},
		{`{"cpu": {"Web": 1}}`, "400 Process types can only contain [a-z]", "400 Process types can only contain alphanumeric", "400 Process types can only contain lowercase"},
		{`{"cpu": {"a-b": "1"}}`, "201", "400 Process types can only contain alphanumeric", "201"},
		{`{"cpu": {"x": null}}`, "201", "422 x does not exist under cpu", "422 x does not exist under cpu"},
		{`{"memory": {"web": "x"}, "cpu": {"web": "x"}}`, "400 " + `"memory":["Limit format`, "400 " + `"cpu":["CPU shares`, "400 " + `"cpu":["CPU limit`},
	})
	validate(t, "POST /apps/example-go/config/", builtApp, []fieldInput{
		{`{"cpu": {"cmd": 5}}`, "201", "400 (app::deploy): 'int' object has no attribute 'lower'", "-"},
		{`{"cpu": {"worker": 5}}`, "201", "201", "201"}, // no process of that type is deployed
		{`{"cpu": {"cmd": "5"}}`, "201", "201", "201"},
	})
}

func TestTags(t *testing.T) {
	const (
		keys16, value16 = "400 Tag keys can only contain [a-z]", "400 Invalid tag value"
		key             = `400 Tag keys must be alphanumeric or "-_.", and 1-63 characters.`
		value           = `400 Tag values must be alphanumeric or "-_.", and 1-63 characters.`
		noNode          = "400 No nodes matched the provided labels: "
	)
	validate(t, "POST /apps/example-go/config/", []string{anApp}, []fieldInput{
		{`{"tags": {"rack": "1"}}`, `201 "rack":"1"`, `201 "rack":"1"`, `201 "rack":"1"`},
		{`{"tags": {"rack": 1}}`, `201 "rack":"1"`, `201 "rack":"1"`, `201 "rack":"1"`},
		{`{"tags": {"rack": "9"}}`, "201", noNode + "rack=9", noNode + "rack=9"},
		{`{"tags": {"ab1": "x"}}`, keys16, noNode, noNode},
		{`{"tags": {"A": "x"}}`, keys16, noNode, noNode},
		{`{"tags": {"a-b": "x"}}`, keys16, noNode, noNode},
		{`{"tags": {"a!": "x"}}`, keys16, key, key},
		{`{"tags": {"-a": "x"}}`, keys16, key, key},
		{`{"tags": {"": "x"}}`, keys16, key, key},
		{`{"tags": {"` + long(63) + `": "x"}}`, "201", noNode, noNode},
		{`{"tags": {"` + long(64) + `": "x"}}`, "201", key, key},
		{`{"tags": {"a": "x y"}}`, value16, value, value},
		{`{"tags": {"a": "x-y"}}`, value16, noNode, noNode},
		{`{"tags": {"a": "-x"}}`, value16, value, value},
		{`{"tags": {"a": ""}}`, value16, noNode, noNode},
		{`{"tags": {"a": "` + long(64) + `"}}`, "201", value, value},
		{`{"tags": {"a": "é"}}`, crash16, value, value},
		{`{"tags": {"a": "xéx"}}`, crash16, noNode, noNode},
		{`{"tags": {"example.com/a": "x"}}`, keys16, noNode, noNode},
		{`{"tags": {"/a": "x"}}`, keys16, noNode, noNode},
		{`{"tags": {"example.com/": "x"}}`, keys16, key, key},
		{`{"tags": {"ex!/a": "x"}}`, keys16, "400 Tag key prefixes must be DNS subdomains.", "400 Tag key prefixes must be DNS subdomains."},
		{`{"tags": {"` + long(64) + `/a": "x"}}`, keys16, "400 Tag key prefixes must be DNS subdomains.", "400 Tag key prefixes must be DNS subdomains."},
		{`{"tags": {"` + long(254) + `/a": "x"}}`, keys16, "400 Tag key prefixes must 253 characters or less.", "400 Tag key prefixes must 253 characters or less."},
		{`{"tags": {"a/b/c": "x"}}`, keys16, crash, crash},
		{`{"tags": {"x": null}}`, "201", "422 x does not exist under tags", "422 x does not exist under tags"},
	})
	validate(t, "POST /apps/example-go/config/", []string{anApp, `POST /apps/example-go/config/ {"tags": {"rack": "1"}}`}, []fieldInput{
		{`{"tags": {"environ": "dev"}}`, "201", "201", "201"},
		{`{"tags": {"ssd": "never"}}`, "201", noNode + "rack=1, ssd=never - Addition of ssd=never is the cause", noNode + "rack=1, ssd=never - Addition of ssd=never is the cause"},
	})
}

func TestRegistryFields(t *testing.T) {
	const (
		key  = "400 Config keys must start with a letter or underscore and only contain [A-z0-9_]"
		port = "400 PORT needs to be set in the config when using a private registry"
	)
	validate(t, "POST /apps/example-go/config/", []string{anApp}, []fieldInput{
		{`{"registry": {"username": "x"}}`, "201", port, port},
		{`{"registry": {"username": "x"}, "values": {"PORT": 5000}}`, "201", `201 "registry":{"username":"x"}`, `201 "registry":{"username":"x"}`},
		{`{"registry": {"UserName": "x"}, "values": {"PORT": 5000}}`, "201", `201 "registry":{"username":"x"}`, `201 "registry":{"username":"x"}`},
		{`{"registry": {"user-name": "x"}}`, "201", key, key},
		{`{"registry": {"1": "x"}}`, "201", key, key},
		{`{"registry": {"username": null}}`, "201", "422 username does not exist under registry", "422 username does not exist under registry"},
		{`{"registry": null}`, "201", notNull, notNull},
		{`{"registry": "x"}`, "201", crash, crash},
	})
}

func TestHealthchecks(t *testing.T) {
	const probeName = "400 Healthcheck keys must be either livenessProbe or readinessProbe"
	probe := func(s string) string { return `{"healthcheck": {"web": {"livenessProbe": ` + s + `}}}` }
	both := func(body, want string) fieldInput { return fieldInput{body, "201", want, want} }
	validate(t, "POST /apps/example-go/config/", []string{anApp}, []fieldInput{
		both(probe(`{"httpGet": {"port": 80}}`), `201 "httpGet":{"port":80}`),
		both(probe(`{"httpGet": {"port": 80, "path": "/", "host": "h", "scheme": "HTTP", "httpHeaders": [{"name": "a", "value": "b"}]}}`), "201"),
		both(probe(`{"exec": {"command": ["ls"]}}`), "201"),
		both(probe(`{"tcpSocket": {"port": 1}, "foo": 1}`), `201 "foo":1`),
		both(probe(`{"tcpSocket": {"port": 1}, "initialDelaySeconds": 5, "timeoutSeconds": 1, "periodSeconds": 1, "failureThreshold": 1, "successThreshold": 1}`), "201"),
		both(`{"healthcheck": {"Any Thing!": {"readinessProbe": {"tcpSocket": {"port": 1}, "successThreshold": 2}}}}`, "201"),
		both(`{"healthcheck": {"web/cmd": {"readinessProbe": {"tcpSocket": {"port": 1}}}}}`, "201"),
		both(`{"healthcheck": {"livenessProbe": {"httpGet": {"port": 80}}}}`, probeName),
		both(`{"healthcheck": {"web": {"foo": {}}}}`, probeName),
		both(`{"healthcheck": {"web": "x"}}`, crash),
		both(`{"healthcheck": {"web": [1]}}`, crash),
		both(`{"healthcheck": {"web": {"livenessProbe": null}}}`, "422 web does not exist under healthcheck"),
		both(`{"healthcheck": {"livenessProbe": null}}`, "422 web/cmd does not exist under healthcheck"),
		both(`{"healthcheck": {"web": null}}`, "422 web does not exist under healthcheck"),
		both(probe(`"x"`), "400 could not validate x: 'x' is not of type 'object'"),
		both(probe(`[]`), "400 could not validate []: [] is not of type 'object'"),
		both(probe(`{"exec": {"command": []}}`), "400 could not validate {'exec': {'command': []}}: [] is too short"),
		both(probe(`{"exec": {"command": "ls"}}`), "400 'ls' is not of type 'array'"),
		both(probe(`{"exec": {"command": [1]}}`), "400 1 is not of type 'string'"),
		both(probe(`{"exec": {}}`), "400 could not validate {'exec': {}}: 'command' is a required property"),
		both(probe(`{"httpGet": {"path": "/"}}`), "400 'port' is a required property"),
		both(probe(`{"httpGet": {"port": "80"}}`), "400 could not validate {'httpGet': {'port': '80'}}: '80' is not of type 'integer'"),
		both(probe(`{"httpGet": {"port": 80.5}}`), "400 80.5 is not of type 'integer'"),
		both(probe(`{"httpGet": {"port": true}}`), "400 True is not of type 'integer'"),
		both(probe(`{"httpGet": {"port": 80, "path": 5}}`), "400 5 is not of type 'string'"),
		both(probe(`{"httpGet": {"port": 80, "httpHeaders": {}}}`), "400 {} is not of type 'array'"),
		both(probe(`{"tcpSocket": {}}`), "400 'port' is a required property"),
		both(probe(`{"timeoutSeconds": "5"}`), "400 '5' is not of type 'integer'"),
		both(probe(`{"tcpSocket": {"port": 1}, "successThreshold": 2}`), "400 livenessProbe successThreshold can only be 1"),
		both(`{"healthcheck": null}`, notNull),
		both(`{"healthcheck": "x"}`, crash),
	})
}

func TestConfigFieldsOf23(t *testing.T) {
	const unchanged = "409 admin changed nothing - release stopped"
	grace := "400 Termination Grace Period format: <value>, where value must be a numeric"
	validate(t, "POST /apps/example-go/config/", []string{anApp}, []fieldInput{
		{`{"termination_grace_period": {"web": "30"}}`, "201", unchanged, `201 "termination_grace_period":{"web":"30"}`},
		{`{"termination_grace_period": {"web": 30}}`, "201", unchanged, `201 "web":"30"`},
		{`{"termination_grace_period": {"web": ""}}`, "201", unchanged, "201"},
		{`{"termination_grace_period": {"web": "x"}}`, "201", unchanged, grace},
		{`{"termination_grace_period": {"web": 1.5}}`, "201", unchanged, grace},
		{`{"termination_grace_period": {"web": -1}}`, "201", unchanged, grace},
		{`{"termination_grace_period": {"a_b": "1"}}`, "201", unchanged, "400 Process types can only contain lowercase alphanumeric characters"},
		{`{"termination_grace_period": {"web": null}}`, "201", unchanged, "422 web does not exist under termination_grace_period"},
		{`{"lifecycle_post_start": {"Any Thing!": "x"}}`, "201", unchanged, `201 "lifecycle_post_start":{"Any Thing!":"x"}`},
		{`{"lifecycle_post_start": {"web": null}}`, "201", unchanged, "422 web does not exist under lifecycle_post_start"},
		{`{"lifecycle_pre_stop": {"web": "x"}}`, "201", unchanged, unchanged},
		{`{"lifecycle_pre_stop": {"web": "x"}, "values": {"A": "1"}}`, "201", "201", `201 "lifecycle_pre_stop":{"web":"x"}`},
	})
}

func TestProblemsOfAllFieldsAreReportedTogether(t *testing.T) {
	const body = `{"memory": {"web": "x"}, "tags": {"!": "x"}}`
	for _, want := range []string{`400 "memory":["`, `400 "tags":["`} {
		validate(t, "POST /apps/example-go/config/", []string{anApp}, []fieldInput{{body, want, want, want}})
	}
}
