def handler(event, context):
    return {"statusCode": 501, "body": "not written yet"}
