package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// usesConfig is what the handlers of a processor use. The program makes of each entry what it needs: a variable, a
// right, a rule of the security group. The function can't reach anything that is not declared here.
type usesConfig struct {
	Env                 map[string]string     `json:"env,omitempty"`
	Secrets             map[string]secretUse  `json:"secrets,omitempty"`
	HTTPS               bool                  `json:"https,omitempty"` // to anywhere, by the NAT gateways
	Services            map[string]serviceUse `json:"services,omitempty"`
	Tables              []resourceUse         `json:"tables,omitempty"`
	Queues              []resourceUse         `json:"queues,omitempty"`
	Buckets             []resourceUse         `json:"buckets,omitempty"`
	HandlersConcurrency int                   `json:"handlersConcurrency,omitempty"` // 0: the processor's own
}

// secretUse is a secret that the function reads itself: its value is in no variable, and not in the engine's state.
type secretUse struct {
	SecretsManager string `json:"secretsManager,omitempty"` // name or ARN
	Parameter      string `json:"parameter,omitempty"`      // name or ARN
	JSON           bool   `json:"json,omitempty"`           // a value that is not JSON stops the start
	Key            string `json:"key,omitempty"`            // ARN, where it is encrypted with a key of one's own
}

// serviceUse is something that listens in the VPC, like a database.
type serviceUse struct {
	SecurityGroup string `json:"securityGroup"`
	Port          int    `json:"port"`
}

// resourceUse is a table, queue or bucket, and the actions on it.
type resourceUse struct {
	ARN     string   `json:"arn"`
	Actions []string `json:"actions"`
	Key     string   `json:"key,omitempty"` // ARN, where it is encrypted with a key of one's own
}

// outside are the keys of uses whose services have addresses outside of the VPC.
func (u usesConfig) outside() (keys []string) {
	for _, use := range []struct {
		key string
		is  bool
	}{{"https", u.HTTPS}, {"secrets", len(u.Secrets) > 0}, {"queues", len(u.Queues) > 0}} {
		if use.is {
			keys = append(keys, use.key)
		}
	}
	return keys
}

// variables are the function's variables for its uses.
func (u usesConfig) variables() map[string]string {
	variables := maps.Clone(u.Env)
	if variables == nil {
		variables = map[string]string{}
	}
	if len(u.Secrets) > 0 {
		stored := map[string]secretUse{}
		for name, s := range u.Secrets {
			s.Key = "" // the service knows its key
			stored[name] = s
		}
		text, err := json.Marshal(stored)
		if err != nil {
			panic(fmt.Sprintf("marshal secrets of strings: %v", err)) // cannot happen
		}
		variables["PROCESSOR_SECRETS"] = string(text)
	}
	if u.HandlersConcurrency > 0 {
		variables["HANDLERS_CONCURRENCY"] = fmt.Sprint(u.HandlersConcurrency)
	}
	return variables
}

// rules lets the function of a security group reach what it uses. The tables' rule is there for the processor's own.
// services is the peer through which AWS's services are reached, also are the stack's own choices that take a function
// to them.
func (u usesConfig) rules(group, services string, also []string) (rules []rule) {
	if keys := append(u.outside(), also...); len(keys) > 0 {
		by := "Handlers by the NAT gateways: "
		if services != anywhere {
			by = "Handlers by endpoints: "
		}
		rules = append(rules, rule{Group: group, Peer: services, Out: true, Port: 443, Why: by + strings.Join(keys, ", ")})
	}
	if len(u.Buckets) > 0 {
		rules = append(rules, rule{Group: group, Peer: s3List, Out: true, Port: 443, Why: "Buckets of the handlers"})
	}
	for _, name := range slices.Sorted(maps.Keys(u.Services)) {
		s := u.Services[name]
		why := "Handlers call " + name
		rules = append(rules, rule{Group: group, Peer: name, PeerID: s.SecurityGroup, Out: true, Port: s.Port, Why: why},
			rule{Group: name, GroupID: s.SecurityGroup, Peer: group, Port: s.Port, Why: why})
	}
	return rules
}

// statements are the rights to what is used, on each ARN by itself. at makes an ARN of a service in the stack's own
// region and account. They have no Sid: a number would move when the one before it goes.
func (u usesConfig) statements(at func(service, resource string) string) (list []statement) {
	keys := map[string][]string{} // actions by key
	for _, s := range u.Secrets {
		list = append(list, s.statement(at))
		keys[s.Key] = append(keys[s.Key], "kms:Decrypt")
	}
	for _, r := range slices.Concat(u.Tables, u.Queues, u.Buckets) {
		list = append(list, r.statements()...)
		keys[r.Key] = append(keys[r.Key], "kms:Decrypt", "kms:GenerateDataKey")
	}
	delete(keys, "") // AWS's own keys need no rights
	for key, actions := range keys {
		slices.Sort(actions)
		list = append(list, allow("", []string{key}, slices.Compact(actions)...))
	}
	// Two names may stand for one secret.
	text := func(s statement) string { return s.Resource[0] + " " + strings.Join(s.Action, " ") }
	slices.SortFunc(list, func(a, b statement) int { return strings.Compare(text(a), text(b)) })
	return slices.CompactFunc(list, func(a, b statement) bool { return text(a) == text(b) })
}

func (s secretUse) statement(at func(service, resource string) string) statement {
	if name := s.Parameter; name != "" {
		if !strings.HasPrefix(name, "arn:") {
			name = at("ssm", "parameter"+name)
		}
		return allow("", []string{name}, "ssm:GetParameter")
	}
	name := s.SecretsManager
	if !strings.HasPrefix(name, "arn:") {
		// A secret's ARN ends in six characters that only Secrets Manager knows.
		name = at("secretsmanager", "secret:"+name+"-??????")
	}
	return allow("", []string{name}, "secretsmanager:GetSecretValue")
}

// statements are the rights on a resource. Those on a bucket are divided into the bucket itself and its objects.
func (r resourceUse) statements() (list []statement) {
	if !strings.HasPrefix(r.ARN, "arn:aws:s3:::") {
		return []statement{allow("", []string{r.ARN}, r.Actions...)}
	}
	bucket, objects, _ := strings.Cut(r.ARN, "/")
	for _, s := range []statement{
		allow("", []string{bucket}, slices.DeleteFunc(slices.Clone(r.Actions), onObjects)...),
		allow("", []string{bucket + "/" + cmp.Or(objects, "*")},
			slices.DeleteFunc(slices.Clone(r.Actions), onBucket)...),
	} {
		if len(s.Action) > 0 {
			list = append(list, s)
		}
	}
	return list
}

// onBucket reports whether an action is on a bucket and not on its objects, as IAM's service authorization reference
// says.
func onBucket(action string) bool  { return strings.Contains(action, "Bucket") }
func onObjects(action string) bool { return !onBucket(action) }
