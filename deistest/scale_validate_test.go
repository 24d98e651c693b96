package deistest_test

import "testing"

func TestScaleCounts(t *testing.T) {
	const noBuild = "400 No build associated with this release"
	format := func(rest string) string { return "400 Invalid scaling format: " + rest }
	notInt := format("invalid literal for int() with base 10: 'x'")
	below16 := "400 [u'Must be greater than or equal to zero']"
	below22 := format("['Must be greater than or equal to zero']")
	below23 := format("[ErrorDetail(string='Must be greater than or equal to zero', code='invalid')]")
	wrongType := func(python int, name string) string {
		if python == 2 {
			return format("int() argument must be a string or a number, not '" + name + "'")
		}
		return format("int() argument must be a string, a bytes-like object or a number, not '" + name + "'")
	}
	unknown := func(procType string) string { return "Container type " + procType + " does not exist in application" }
	validate(t, "POST /apps/example-go/scale/", builtApp, []fieldInput{
		{`{"web": 2}`, "204", "204", "204"},
		{`{"cmd": 0}`, "204", "204", "204"},
		{`{"web": "2"}`, "204", "204", "204"},
		{`{"web": 2.9}`, "204", "204", "204"},
		{`{"web": true}`, "204", "204", "204"},
		{`{}`, "204", "204", "204"},
		{``, "204", "204", "204"},
		{`{"web": -1}`, below16, below22, below23},
		{`{"web": "x"}`, notInt, notInt, notInt},
		{`{"web": "2.9"}`, format("invalid literal"), format("invalid literal"), format("invalid literal")},
		{`{"web": null}`, wrongType(2, "NoneType"), wrongType(3, "NoneType"), wrongType(3, "NoneType")},
		{`{"web": [1]}`, wrongType(2, "list"), wrongType(3, "list"), wrongType(3, "list")},
		{`{"web": {}}`, wrongType(2, "dict"), wrongType(3, "dict"), wrongType(3, "dict")},
		{`{"nosuch": 1}`, "400 " + unknown("nosuch"), "404 " + unknown("nosuch"), "404 " + unknown("nosuch")},
		{`{"nosuch": 0}`, "400 " + unknown("nosuch"), "404 " + unknown("nosuch"), "404 " + unknown("nosuch")},
		{`{"web": 1, "Web": 1}`, "400 " + unknown("Web"), "404 " + unknown("Web"), "404 " + unknown("Web")},
		{`[1]`, crash16, crash, crash},
	})
	validate(t, "POST /apps/example-go/scale/", []string{anApp}, []fieldInput{
		{`{"web": 1}`, noBuild, noBuild, noBuild},
		{`{"web": "x"}`, notInt, noBuild, noBuild},
		{`{"web": -1}`, below16, noBuild, noBuild},
	})
}

func TestRollbackVersions(t *testing.T) {
	const (
		below   = "400 version cannot be below 0"
		initial = "400 Cannot roll back to initial release."
		missing = "400 Release matching query does not exist."
		noBuild = "400 No build associated with this release"
		literal = "400 invalid literal for int() with base 10: "
	)
	three := append(builtApp, `POST /apps/example-go/config/ {"values": {"A": "1"}}`)
	validate(t, "POST /apps/example-go/releases/rollback/", three, []fieldInput{
		{`{"version": 2}`, `201 {"version":4}`, `201 {"version":4}`, `201 {"version":4}`},
		{`{"version": "2"}`, "201", "201", "201"},
		{`{"version": 2.7}`, "201", "201", "201"},
		{`{}`, "201", "201", "201"},
		{``, "201", "201", "201"},
		{`{"version": null}`, "201", "201", "201"},
		{`{"version": 0}`, "201", below, below},
		{`{"version": -1}`, below, below, below},
		{`{"version": 1}`, "201", initial, initial},
		{`{"version": 9}`, crash16, missing, missing},
		{`{"version": "v2"}`, crash16, literal + "'v2'", literal + "'v2'"},
		{`{"version": ""}`, crash16, literal + "''", literal + "''"},
		{`{"version": [1]}`, crash16, "400 int() argument must be a string, a bytes-like object or a number, not 'list'", "400 int() argument must be"},
		{`[1]`, crash16, crash, crash},
	})
	configOnly := []string{anApp, `POST /apps/example-go/config/ {"values": {"A": "1"}}`, `POST /apps/example-go/config/ {"values": {"B": "1"}}`}
	validate(t, "POST /apps/example-go/releases/rollback/", configOnly, []fieldInput{
		{`{"version": 2}`, "201", noBuild, noBuild},
	})
}

func TestRunCommands(t *testing.T) {
	const command = "400 command is a required field"
	validate(t, "POST /apps/example-go/run/", builtApp, []fieldInput{
		{`{"command": "echo x"}`, `200 [0,"x\n"]`, `200 {"exit_code":0,"output":"x\n"}`, `200 {"exit_code":0,"output":"x\n"}`},
		{`{"command": ""}`, "200", command, command},
		{`{"command": 0}`, crash16, command, command},
		{`{"command": []}`, crash16, command, command},
		{`{"command": null}`, crash16, command, command},
		{`{}`, crash16, command, command},
		{`[1]`, crash16, crash, crash},
	})
	const noBuild = "400 No build associated with this release to run this command"
	validate(t, "POST /apps/example-go/run/", []string{anApp}, []fieldInput{
		{`{"command": "ls"}`, noBuild, noBuild, noBuild},
		{`{"command": ""}`, noBuild, command, command},
	})
}
