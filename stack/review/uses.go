package review

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// uses is what a processor's handlers use by the stack's file. It is read independently of the program, to compare what
// is declared with what is registered.
type uses struct {
	Env     map[string]string
	Secrets map[string]struct{ SecretsManager, Parameter string }
	HTTPS   bool
	// Services are by name.
	Services map[string]struct {
		SecurityGroup string
		Port          float64
	}
	Tables, Queues, Buckets []resourceUse
}

type resourceUse struct {
	ARN     string
	Actions []string
}

// readUses reads the uses of the first processor and of the others, by the names of their resources.
func readUses(processor, processors string) map[string]uses {
	var first struct{ Uses uses }
	var others map[string]struct{ Uses uses }
	_ = json.Unmarshal([]byte(processor), &first) // the program has refused what is malformed
	_ = json.Unmarshal([]byte(processors), &others)
	all := map[string]uses{firstProcessor: first.Uses}
	for id, p := range others {
		all[firstProcessor+"-"+id] = p.Uses
	}
	return all
}

// firstProcessor is the name of the first processor's resources. Resources of others have their processor's name
// appended.
const firstProcessor = "processor"

func isProcessor(name string) bool {
	return name == firstProcessor || strings.HasPrefix(name, firstProcessor+"-")
}

// processors are the functions that process events, without the canary.
func (g Graph) processors() []Registration {
	return slices.DeleteFunc(g.Of("lambda.Function"), func(n Registration) bool { return !isProcessor(n.Name) })
}

// outOfReach finds resources that a handler uses and can't reach, and rules and rights that no handler needs.
func outOfReach(g Graph) (broken []string) {
	for _, name := range slices.Sorted(maps.Keys(g.Uses)) {
		w := ways{Graph: g, name: name, uses: g.Uses[name]}
		w.function, w.role = g.named("lambda.Function", name), g.named("iam.RolePolicy", name)
		w.variables()
		w.rights()
		w.rules()
		slices.Sort(w.broken)
		for _, problem := range w.broken {
			broken = append(broken, name+" "+problem)
		}
	}
	return broken
}

// ways are rules, routes and rights that lead from a function to what it uses.
type ways struct {
	Graph
	name           string
	uses           uses
	function, role Registration
	broken         []string
}

func (w *ways) require(ok bool, format string, args ...any) {
	if !ok {
		w.broken = append(w.broken, fmt.Sprintf(format, args...))
	}
}

// named is the resource with a type and a name; the zero value if there is none.
func (g Graph) named(short, name string) Registration {
	for _, n := range g.Of(short) {
		if n.Name == name {
			return n
		}
	}
	return Registration{}
}

func (w *ways) variables() {
	for _, name := range slices.Sorted(maps.Keys(w.uses.Env)) {
		w.require(w.function.Text("environment", "variables", name) == w.uses.Env[name], "is not given %s", name)
	}
	for _, name := range slices.Sorted(maps.Keys(w.uses.Secrets)) {
		stored := map[string]any{}
		_ = json.Unmarshal([]byte(w.function.Text("environment", "variables", "PROCESSOR_SECRETS")), &stored)
		w.require(stored[name] != nil, "is not told where the secret %s is", name)
	}
}

func (w *ways) rights() {
	for _, name := range slices.Sorted(maps.Keys(w.uses.Secrets)) {
		s := w.uses.Secrets[name]
		if s.Parameter != "" {
			w.require(w.may("ssm:GetParameter", s.Parameter), "may not read the parameter of %s", name)
		} else {
			w.require(w.may("secretsmanager:GetSecretValue", s.SecretsManager), "may not read the secret %s", name)
		}
	}
	for _, r := range slices.Concat(w.uses.Tables, w.uses.Queues, w.uses.Buckets) {
		for _, action := range r.Actions {
			w.require(w.may(action, r.ARN), "may not do %s to %s", action, r.ARN)
		}
	}
	for service, used := range map[string]bool{"secretsmanager:": len(w.uses.Secrets) > 0,
		"ssm:": len(w.uses.Secrets) > 0, "sqs:": len(w.uses.Queues) > 0} {
		for _, s := range w.role.allowed() {
			w.require(used || !strings.HasPrefix(s.Action[0], service), "may do %s, and no handler uses it", s.Action[0])
		}
	}
}

// may reports whether the role allows an action on a resource by its name or by a part of its name.
func (w *ways) may(action, name string) bool {
	arn := strings.TrimPrefix(name, "/")
	bucket, _, _ := strings.Cut(arn, "/")
	for _, s := range w.role.allowed() {
		if slices.Contains(s.Action, action) && slices.ContainsFunc(s.Resource, func(on string) bool {
			on = strings.TrimSuffix(on, "-??????")
			return on == arn || strings.HasSuffix(on, ":secret:"+arn) || strings.HasSuffix(on, ":parameter/"+arn) ||
				strings.HasPrefix(arn, "arn:aws:s3:::") && (on == bucket || on == arn+"/*")
		}) {
			return true
		}
	}
	return false
}

// allowed are the statements of a policy that grant something.
func (n Registration) allowed() (granted []policyStatement) {
	var d document
	_ = json.Unmarshal([]byte(n.Text("policy")), &d) // one that can't be read grants nothing
	for _, s := range d.Statement {
		if s.Effect == "Allow" && len(s.Action) > 0 {
			granted = append(granted, s)
		}
	}
	return granted
}

func (w *ways) rules() {
	u := w.uses
	outside, endpoints := w.out("cidrIpv4", "0.0.0.0/0", 443), w.endpoints()
	if len(endpoints) > 0 { // another rule checks that each service has an endpoint
		outside = w.out("referencedSecurityGroupId", endpoints["logs"].first("securityGroupIds"), 443)
	}
	for key, used := range map[string]bool{"https": u.HTTPS, "secrets": len(u.Secrets) > 0,
		"queues": len(u.Queues) > 0} {
		if used {
			w.wayOut(key, "anywhere", outside)
			if len(endpoints) == 0 {
				w.natRoutes(key)
			}
		}
	}
	w.require(outside == nil || u.HTTPS || len(u.Secrets) > 0 || len(u.Queues) > 0 || w.function.wrapsKeys(),
		"may call anywhere on 443, and no handler uses it")
	for service, used := range map[string]bool{"dynamodb": len(u.Tables) > 0, "s3": len(u.Buckets) > 0} {
		if key := map[string]string{"dynamodb": "tables", "s3": "buckets"}[service]; used {
			w.wayOut(key, service, w.out("prefixListId", service, 443))
			w.endpoint(service)
		}
	}
	w.require(len(u.Buckets) > 0 || w.out("prefixListId", "s3", 443) == nil,
		"may call S3, and no handler uses a bucket")
	for _, name := range slices.Sorted(maps.Keys(u.Services)) {
		s := u.Services[name]
		w.wayOut("services."+name, s.SecurityGroup, w.out("referencedSecurityGroupId", s.SecurityGroup, s.Port))
		w.require(slices.ContainsFunc(w.Of("vpc.SecurityGroupIngressRule"), func(n Registration) bool {
			return n.Text("securityGroupId") == s.SecurityGroup && n.Number("fromPort") == s.Port &&
				strings.HasSuffix(n.Text("referencedSecurityGroupId"), "SecurityGroup-"+w.name)
		}), "is not let into %s by its group %s", name, s.SecurityGroup)
	}
}

// out is the rule from the function to a peer; nil if there is none.
func (w *ways) out(property, peer string, port float64) *Registration {
	for _, n := range w.Of("vpc.SecurityGroupEgressRule") {
		if strings.HasSuffix(n.Text("securityGroupId"), "SecurityGroup-"+w.name) &&
			strings.HasSuffix(n.Text(property), peer) && n.Number("fromPort") == port {
			return &n
		}
	}
	return nil
}

func (w *ways) wayOut(use, peer string, rule *Registration) {
	w.require(rule != nil, "uses %s, and its security group lets it out to no %s", use, peer)
	w.require(rule == nil || slices.Contains(w.function.DependsOn, rule.URN), "uses %s, and may start before its rule",
		use)
}

// tables are the route tables of the function's subnets, by subnet.
func (w *ways) tables() map[string]string {
	tables := map[string]string{}
	subnets := w.function.At("vpcConfig", "subnetIds")
	if !subnets.IsArray() {
		return tables
	}
	for _, subnet := range subnets.ArrayValue() {
		for _, n := range w.Of("ec2.RouteTableAssociation") {
			if subnet.IsString() && n.Text("subnetId") == subnet.StringValue() {
				tables[subnet.StringValue()] = n.Text("routeTableId")
			}
		}
	}
	return tables
}

func (w *ways) natRoutes(use string) {
	tables := w.tables()
	w.require(len(tables) > 0, "uses %s, and is in no subnet with routes", use)
	for _, subnet := range slices.Sorted(maps.Keys(tables)) {
		w.require(slices.ContainsFunc(w.Of("ec2.Route"), func(n Registration) bool {
			return n.Text("routeTableId") == tables[subnet] && n.Text("destinationCidrBlock") == "0.0.0.0/0" &&
				n.Text("natGatewayId") != ""
		}), "uses %s, and %s has no route to a NAT gateway: set network.natGateways to 1 or more", use, subnet)
	}
}

func (w *ways) endpoint(service string) {
	for subnet, table := range w.tables() {
		w.require(slices.ContainsFunc(w.Of("ec2.VpcEndpoint"), func(n Registration) bool {
			tables := n.At("routeTableIds")
			return strings.HasSuffix(n.Text("serviceName"), "."+service) && tables.IsArray() &&
				slices.ContainsFunc(tables.ArrayValue(), func(v resource.PropertyValue) bool {
					return v.IsString() && v.StringValue() == table
				})
		}), "uses %s, and %s has no route to its endpoint", service, subnet)
	}
}

// writeReach prints what each function may reach, and what it may do there.
func writeReach(out io.Writer, g Graph) {
	for _, function := range g.Of("lambda.Function") {
		fmt.Fprintf(out, "\n%s may reach\n", function.Text("name"))
		for _, n := range g.Of("vpc.SecurityGroupEgressRule") {
			if peer, ours := strings.CutPrefix(n.Name, function.Name+"-to-"); ours {
				fmt.Fprintf(out, "  %-28s %s\n", peer, n.Text("description"))
			}
		}
		fmt.Fprintln(out, "and may do")
		for _, s := range g.named("iam.RolePolicy", function.Name).allowed() {
			fmt.Fprintf(out, "  %s\n    on %s\n", strings.Join(s.Action, ", "), strings.Join(s.Resource, ", "))
		}
		u := g.Uses[function.Name]
		if names := slices.Sorted(maps.Keys(u.Env)); len(names) > 0 {
			fmt.Fprintf(out, "its handlers are given the variables %s\n", strings.Join(names, ", "))
		}
		if names := slices.Sorted(maps.Keys(u.Secrets)); len(names) > 0 {
			fmt.Fprintf(out, "its handlers are given the secrets %s\n", strings.Join(names, ", "))
		}
	}
}
