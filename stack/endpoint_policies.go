package main

import (
	"fmt"
	"strings"
)

// throughEndpoint lets callers of an account through an endpoint, to do actions on resources.
func throughEndpoint(sid, account string, resources []string, actions ...string) statement {
	return statement{Sid: sid, Effect: "Allow", Principal: map[string]string{"AWS": "*"}, Action: actions,
		Resource: resources, Condition: map[string]map[string]string{"StringEquals": {"aws:PrincipalAccount": account}}}
}

// endpointPolicy bounds what goes through a gateway endpoint, whatever rights the caller has: only this account's
// callers, and only to what is the stack's or declared by its handlers. Credentials from elsewhere carry nothing out.
func endpointPolicy(service, name, region, account, table, bucket string, processors []namedProcessor) document {
	through := func(sid string, resources []string, actions ...string) statement {
		return throughEndpoint(sid, account, resources, actions...)
	}
	var declared []string
	for _, p := range processors {
		uses := p.Uses.Tables
		if service == s3List {
			uses = p.Uses.Buckets
		}
		for _, use := range uses {
			bucket, _, _ := strings.Cut(use.ARN, "/")
			if service == dynamoDB {
				bucket, declared = use.ARN, append(declared, use.ARN+"/index/*")
			} else {
				declared = append(declared, bucket+"/*")
			}
			declared = append(declared, bucket)
		}
	}
	if service == dynamoDB {
		tables := "arn:aws:dynamodb:" + region + ":" + account + ":table/"
		if !strings.HasPrefix(table, name+"-") { // another stack's, or one that was restored
			declared = append(declared, tables+table)
		}
		return policy(through("Tables", append([]string{tables + name + "-*"}, compacted(declared)...), "dynamodb:*"))
	}
	if bucket != "" { // another stack's archive
		declared = append(declared, "arn:aws:s3:::"+bucket, "arn:aws:s3:::"+bucket+"/*")
	}
	ours := "arn:aws:s3:::" + name + "-*"
	// ECR hands out links to the layers of images, which are signed by itself.
	layers := through("ImageLayers", []string{"arn:aws:s3:::prod-" + region + "-starport-layer-bucket/*"}, "s3:GetObject")
	layers.Condition = nil
	return policy(through("Buckets", append([]string{ours, ours + "/*"}, compacted(declared)...), "s3:*"), layers)
}

// interfacePolicy bounds what goes through an interface endpoint as endpointPolicy does for the gateways: only this
// account's callers, and only to what is the stack's or declared. Some actions know no resource.
func interfacePolicy(service, name, region, account, collector string, processors []namedProcessor) document {
	at := func(of, resource string) string {
		return fmt.Sprintf("arn:aws:%s:%s:%s:%s", of, region, account, resource)
	}
	through := func(sid string, resources []string, actions ...string) statement {
		return throughEndpoint(sid, account, resources, actions...)
	}
	// What the handlers' rights to a service are, and on what.
	var actions, declared []string
	for _, p := range processors {
		for _, s := range p.Uses.statements(at) {
			if strings.HasPrefix(s.Action[0], service+":") {
				actions, declared = append(actions, s.Action...), append(declared, s.Resource...)
			}
		}
	}
	actions, declared = compacted(actions), compacted(declared)
	switch service {
	case "ecr.api", "ecr.dkr":
		repositories := []string{at("ecr", "repository/*")}
		if other := repositoryOf(collector); other != "" {
			repositories = append(repositories, other)
		}
		return policy(through("Images", repositories, pullImage...),
			through("RegistryToken", []string{"*"}, "ecr:GetAuthorizationToken"))
	case "logs":
		return policy(through("Logs", []string{at("logs", "log-group:*"+name+"*")}, writeLogs...))
	case "secretsmanager":
		return policy(through("Secrets", append([]string{at(service, "secret:"+name+"/*")}, declared...),
			"secretsmanager:GetSecretValue"))
	case "kms":
		return policy(through("Keys", []string{at(service, "key/*")}, wrapKeys...))
	case "xray":
		return policy(through("Traces", []string{"*"}, "xray:PutTelemetryRecords", "xray:PutTraceSegments"))
	case "ssmmessages":
		return policy(through("Sessions", []string{"*"}, sessionChannels...))
	case "lambda", "sts":
		return pollersPolicy(service, name, account, at, processors)
	default: // ssm, sqs
		return policy(through("Declared", declared, actions...))
	}
}

// pollersPolicy lets AWS's pollers take the role of each processor and invoke its function. They call as the service.
func pollersPolicy(service, name, account string, at func(of, resource string) string,
	processors []namedProcessor) document {
	var functions, roles []string
	for _, p := range processors {
		if p.Provisioned == nil {
			function := at("lambda", "function:"+p.function(name))
			functions = append(functions, function, function+":*")
			roles = append(roles, "arn:aws:iam::"+account+":role/"+p.role(name))
		}
	}
	allowed := statement{Sid: "Pollers", Effect: "Allow", Principal: map[string]string{"Service": "lambda.amazonaws.com"},
		Action: []string{"lambda:InvokeFunction"}, Resource: functions}
	if service == "sts" {
		allowed.Action, allowed.Resource = []string{"sts:AssumeRole"}, roles
	}
	return policy(allowed)
}
