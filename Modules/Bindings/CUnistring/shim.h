#pragma once
#include <unicase.h>
#include <uninorm.h>
#include <uniwbrk.h>
#include <unistr.h>
#include <unictype.h>
