package main

import (
	"fmt"

	"event-processing-service/stack/review"
)

// githubAudience is the audience of a job's token, as .ci/aws-login asks for it.
const githubAudience = "sts.amazonaws.com"

// trustGitHub lets only jobs of one environment of one repository take a role: both claims are compared as a whole. A
// job has this subject only if GitHub lets it use the environment, so the environment's rules (reviewers, branches)
// decide who may deploy. A branch, a tag or a fork has another subject.
func trustGitHub(provider, repository, environment string) document {
	return policy(statement{Sid: "GitHub", Effect: "Allow", Principal: map[string]string{"Federated": provider},
		Action: []string{"sts:AssumeRoleWithWebIdentity"},
		Condition: map[string]map[string]string{"StringEquals": {
			githubIssuer + ":aud": githubAudience,
			githubIssuer + ":sub": fmt.Sprintf("repo:%s:environment:%s", repository, environment),
		}}})
}

// publisherPolicy lets the build push one image, store one archive, and record which of them belong together. The build
// can delete nothing, and deploy nothing.
func publisherPolicy(repository, bucket string) document {
	return policy(
		allow("RegistryToken", []string{"*"}, "ecr:GetAuthorizationToken"),
		allow("PushImage", []string{repository}, "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage",
			"ecr:CompleteLayerUpload", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload",
			"ecr:PutImage", "ecr:UploadLayerPart"),
		allow("StoreRelease", []string{bucket + "/functions/*", bucket + "/releases/*"}, "s3:GetObject", "s3:PutObject"),
	)
}

// deliveryPolicy is what a stack's deployer needs beside the rights to the stack's resources: read releases, record
// which of them served in this stack, read the records of other stacks, and read and write the state of this stack
// alone.
func deliveryPolicy(stack, project, stateBucket, bucket, key string) document {
	state := "arn:aws:s3:::" + stateBucket
	own := []string{}
	for _, folder := range []string{"stacks/%s/%s.*", "history/%s/%s/*", "backups/%s/%s/*",
		"locks/organization/%s/%s/*"} {
		own = append(own, state+"/.pulumi/"+fmt.Sprintf(folder, project, stack))
	}
	return policy(
		allow("ReadReleases", []string{bucket + "/functions/*", bucket + "/releases/*", bucket + "/served/*"},
			"s3:GetObject"),
		allow("NoteWhatServed", []string{bucket + "/served/" + stack + "/*"}, "s3:PutObject"),
		allow("FindReleases", []string{bucket, state}, "s3:ListBucket"),
		allow("ReadStatesFormat", []string{state + "/.pulumi/meta.yaml"}, "s3:GetObject"),
		allow("KeepState", own, "s3:DeleteObject", "s3:GetObject", "s3:PutObject"),
		allow("Secrets", []string{key}, "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt"),
	)
}

// loadTestPolicy is for the role of a stack that the nightly run measures (.ci/load-test): it may also start the
// operator's task, read what the task prints, and keep the result for the next night. The rights to read the API's key
// and to hand the task its roles are among those of each deployer.
func loadTestPolicy(g review.Graph, stack, region, account, bucket string) document {
	arn := func(service, resource string) string {
		return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, region, account, resource)
	}
	family := textOf(g, "ecs.TaskDefinition", "operator", "family")
	cluster := textOf(g, "ecs.Cluster", "cluster", "name")
	group := textOf(g, "cloudwatch.LogGroup", "api", "name")
	return policy(
		allow("StartLoad", []string{arn("ecs", "task-definition/"+family+":*")}, "ecs:RunTask"),
		allow("WatchLoad", []string{arn("ecs", "task/"+cluster+"/*")}, "ecs:DescribeTasks", "ecs:StopTask"),
		allow("ReadResult", []string{arn("logs", "log-group:"+group+":log-stream:operator/*")}, "logs:GetLogEvents"),
		allow("KeepResult", []string{bucket + "/measured/" + stack + "/*"}, "s3:GetObject", "s3:PutObject"),
	)
}

// textOf is an input of the resource with a type and a name.
func textOf(g review.Graph, short, name, input string) string {
	for _, n := range g.Of(short) {
		if n.Name == name {
			return n.Text(input)
		}
	}
	return ""
}
