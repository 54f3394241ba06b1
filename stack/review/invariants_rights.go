package review

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// right is an action, and what it acts on: the end of a name, or, where it begins with a colon, a part of it that says
// of what kind it is; "" is whatever.
type right struct{ action, on string }

func rightsTo(on string, actions ...string) (all []right) {
	for _, action := range actions {
		all = append(all, right{action, on})
	}
	return all
}

// mayNot finds rights that a role needs for its work and does not have. Another rule checks what handlers use by the
// stack's file.
func mayNot(g Graph) (broken []string) {
	for _, n := range g.Of("iam.RolePolicy") {
		allowed, denied := n.grants()
		for _, needed := range g.work(n.Name) {
			if !slices.ContainsFunc(allowed, needed.in) {
				broken = append(broken, fmt.Sprintf("%s lacks %s on %s", n, needed.action, needed.on))
			}
		}
		if isProcessor(n.Name) && len(denied) == 0 {
			broken = append(broken, fmt.Sprintf("%s lets the function's own code make network interfaces, as Lambda may: "+
				"nothing denies ec2:CreateNetworkInterface", n))
		}
	}
	return broken
}

// in reports whether a grant covers this right.
func (r right) in(granted right) bool {
	if r.action != granted.action {
		return false
	}
	if strings.HasPrefix(r.on, ":") {
		return granted.on == "*" || strings.Contains(granted.on, r.on)
	}
	return granted.on == "*" || strings.HasSuffix(granted.on, r.on)
}

// grants are all pairs of action and resource that a policy allows or denies.
func (n Registration) grants() (allowed, denied []right) {
	var d document
	if json.Unmarshal([]byte(n.Text("policy")), &d) != nil {
		return nil, nil
	}
	for _, s := range d.Statement {
		for _, on := range s.Resource {
			if s.Effect == "Deny" {
				denied = append(denied, rightsTo(on, s.Action...)...)
			} else {
				allowed = append(allowed, rightsTo(on, s.Action...)...)
			}
		}
	}
	return allowed, denied
}

// producer are the rights to publish to a topic.
func producer(topic string) []right {
	return append(rightsTo(":cluster/", "kafka-cluster:Connect", "kafka-cluster:DescribeCluster",
		"kafka-cluster:WriteDataIdempotently"), rightsTo("/"+topic, "kafka-cluster:DescribeTopic",
		"kafka-cluster:WriteData")...)
}

// work are the rights that the role of a name needs.
func (g Graph) work(role string) []right {
	env := g.environment()
	switch {
	case role == "api":
		all := append(producer(env["KAFKA_TOPIC"]), rightsTo(":table/", "dynamodb:GetItem")...)
		for _, keys := range []string{"API_KEYS_SECRET", "CANARY_KEY_SECRET"} {
			if env[keys] != "" {
				all = append(all, right{"secretsmanager:GetSecretValue", env[keys]})
			}
		}
		if len(g.Of("elasticache.ServerlessCache")) > 0 {
			all = append(all, rightsTo(":serverlesscache:", "elasticache:Connect")...)
		}
		if declared, _ := g.declarations(); len(declared) > 0 {
			all = append(all, rightsTo(":log-group:", "logs:CreateLogStream", "logs:PutLogEvents")...)
		}
		return append(all, g.subjectKeyUser()...)
	case role == canaryName:
		return g.ofCanary()
	case role == rotationName:
		return g.ofRotation()
	case role == "archive":
		return g.ofArchiver()
	case role == "execution" || role == "archive-execution":
		return slices.Concat(rightsTo("", "ecr:GetAuthorizationToken"), rightsTo(":repository/",
			"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
			rightsTo(":log-group:", "logs:CreateLogStream", "logs:PutLogEvents"))
	case role == "operator":
		return slices.Concat(producer(env["KAFKA_TOPIC"]), rightsTo("/"+env["KAFKA_TOPIC"], "kafka-cluster:ReadData"),
			rightsTo("/eventctl-*", "kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"), g.groups(), g.archiveReader(),
			g.forgetter())
	case isProcessor(role):
		return g.ofProcessor(role)
	}
	return nil
}

// groups are the rights to see how far each processor is.
func (g Graph) groups() (all []right) {
	for _, n := range g.Of("lambda.EventSourceMapping") {
		all = append(all, right{"kafka-cluster:DescribeGroup",
			"/" + n.Text("amazonManagedKafkaEventSourceConfig", "consumerGroupId")})
	}
	return all
}

// ofProcessor are the rights that a function needs, and AWS's pollers with its role.
func (g Graph) ofProcessor(name string) []right {
	function := g.named("lambda.Function", name)
	letters := function.Text("environment", "variables", "KAFKA_DLQ_TOPIC")
	if processor := function.Text("environment", "variables", "PROCESSOR"); processor != "" {
		letters += "." + processor
	}
	all := slices.Concat(producer(letters), rightsTo("/"+letters, "kafka-cluster:ReadData"),
		rightsTo(":cluster/", "kafka-cluster:DescribeClusterDynamicConfiguration", "kafka:DescribeCluster",
			"kafka:DescribeClusterV2"),
		rightsTo("", "kafka:GetBootstrapBrokers", "ec2:CreateNetworkInterface"),
		rightsTo(":log-group:", "logs:CreateLogStream", "logs:PutLogEvents"))
	if function.Text("environment", "variables", "STORE") == "dynamodb" {
		all = append(all, rightsTo(":table/", "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PartiQLInsert",
			"dynamodb:PartiQLUpdate", "dynamodb:PutItem")...)
	}
	all = append(all, g.subjectKeyUser()...)
	for _, n := range g.Of("lambda.EventSourceMapping") {
		if n.functionName() != name {
			continue
		}
		all = append(all, rightsTo("/"+n.first("topics"), "kafka-cluster:DescribeTopic", "kafka-cluster:ReadData",
			"kafka-cluster:WriteData")...)
		group := n.Text("amazonManagedKafkaEventSourceConfig", "consumerGroupId")
		all = append(all, rightsTo("/"+group, "kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup")...)
		if bucket := n.Text("destinationConfig", "onFailure", "destinationArn"); bucket != "" {
			all = append(all, right{"s3:PutObject", bucket + "/*"}, right{"s3:ListBucket", bucket})
		}
	}
	return all
}
